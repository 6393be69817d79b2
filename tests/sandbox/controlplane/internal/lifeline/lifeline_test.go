package lifeline

import (
	"os"
	"os/exec"
	"testing"
)

// The test binary is also the child process: with the variable set it waits for the end of stdin, and otherwise never
// exits.
func TestMain(m *testing.M) {
	if os.Getenv(Variable) == "1" {
		Hold()
		os.Stdout.WriteString("holding\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestExitsWhenStdinIsClosed(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), Variable+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 8)); err != nil {
		t.Fatal("child did not start:", err)
	}
	stdin.Close()
	if err := child.Wait(); err != nil {
		t.Fatal("child should have ended well:", err)
	}
}
