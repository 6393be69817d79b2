// Package lifeline ends a process together with the one that started it, on every operating system and even when
// that one was killed: the parent holds the write end of our stdin, and whatever way it ends, the kernel closes it.
package lifeline

import (
	"io"
	"os"
)

// Variable must be "1" for a process to hold on to its stdin.
const Variable = "SANDBOX_DIE_WITH_STDIN"

// Hold makes this process exit as soon as stdin reaches its end, if the environment asks for it.
// There is nothing to save: all data of a sandbox are temporary.
func Hold() {
	if os.Getenv(Variable) != "1" {
		return
	}
	go func() {
		wait(os.Stdin)
		os.Exit(0)
	}()
}

// wait returns once in gives nothing more; a stdin that can't be read counts as closed.
func wait(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
}
