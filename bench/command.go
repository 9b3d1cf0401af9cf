package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

var rowsKept = regexp.MustCompile(`(\d+) rows kept`)

// run measures the binary: processor time, the clock, and the largest resident memory.
func (s *setting) run(ctx context.Context, cores int, part text, args []string) (got result, err error) {
	out := filepath.Join(s.dir, "out")
	cmd := exec.CommandContext(ctx, s.temper, append(slices.Clone(args), "-o", out, "--force")...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cores))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return got, fmt.Errorf("temper %v: %w\n%s", args, err, said.Bytes())
	}
	got.Units, got.Wall = part.bytes, time.Since(start).Seconds()
	got.Seconds = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		got.Peak = u.Maxrss
		if runtime.GOOS == "linux" {
			got.Peak *= 1024 // there it is in KiB
		}
	}
	if m := rowsKept.FindSubmatch(said.Bytes()); m != nil {
		got.Count, err = strconv.ParseInt(string(m[1]), 10, 64)
	}
	return got, err
}
