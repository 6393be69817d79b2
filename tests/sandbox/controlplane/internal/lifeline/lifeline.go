// Package lifeline makes a process exit together with its parent, on every operating system and even if the parent is
// killed: the parent holds the write end of the process's stdin, and the kernel closes it when the parent exits.
package lifeline

import (
	"io"
	"os"
)

// Variable must be "1" for a process to exit when its stdin is closed.
const Variable = "SANDBOX_DIE_WITH_STDIN"

// Hold makes this process exit as soon as stdin reaches its end, if Variable is set.
// Nothing needs to be saved: all data of a sandbox are temporary.
func Hold() {
	if os.Getenv(Variable) != "1" {
		return
	}
	go func() {
		wait(os.Stdin)
		os.Exit(0)
	}()
}

// wait returns when in reaches its end. A stdin that can't be read counts as closed.
func wait(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
}
