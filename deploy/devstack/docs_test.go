package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// asCommand makes this test binary the command itself.
const asCommand = "TEMPER_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A block is a fenced piece of a page.
type block struct {
	page, kind, info, text string
	line                   int
}

var fence = regexp.MustCompile("^```(\\w*) ?(.*)$")

// blocks reads the fenced pieces of a page.
func blocks(t *testing.T, path string) (all []block) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var open *block
	for i, line := range strings.Split(string(b), "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && open == nil:
			open = &block{page: filepath.Base(path), kind: m[1], info: m[2], line: i + 1}
		case m != nil:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return all
}

// The pages in the order they build on each other.
var pages = []string{"runs.md", "data.md", "nightly.md", "engines.md", "operate.md"}

// Every command printed in the pages does what the page says, in order, on one real stack; every page is among those read here.
func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("starts every server")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n" + asCommand + "=1 exec '" + self + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "temper"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, dir: dir, env: append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TEMPER_DIR=", "TEMPER_STORE=", "TEMPER_TEMPORAL=")}
	for _, page := range pages {
		for _, b := range blocks(t, filepath.Join("../../docs", page)) {
			s.do(b)
		}
	}
}

// A shell runs blocks in one folder.
type shell struct {
	t   *testing.T
	dir string
	env []string
}

func (s *shell) do(b block) {
	s.t.Helper()
	switch {
	case b.kind == "yaml" && b.info != "":
		if err := os.WriteFile(filepath.Join(s.dir, b.info), []byte(b.text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	case b.kind == "sh" && b.info == "server":
		s.server(b)
	case b.kind == "sh":
		cmd := exec.Command("sh", "-e", "-c", b.text)
		cmd.Dir, cmd.Env = s.dir, s.env
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			s.t.Fatalf("%s:%d: %v\n%s\n%s", b.page, b.line, err, b.text, out.Bytes())
		}
	}
}

// server starts a command that goes on, and waits until it says that it is ready.
func (s *shell) server(b block) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+b.text)
	cmd.Dir, cmd.Env, cmd.Stderr = s.dir, s.env, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cancel()
		if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 0 {
			s.t.Errorf("%s:%d: an interrupt ends it with %v", b.page, b.line, err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "ready") {
			return
		}
	}
	s.t.Fatalf("%s:%d: %s ended before it was ready", b.page, b.line, strings.TrimSpace(b.text))
}

// The pages that TestPages reads are all there are with commands, and the README's commands are targets of the Makefile.
func TestNoOtherCommands(t *testing.T) {
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, p := range pages {
		read[p] = true
	}
	for _, path := range all {
		for _, b := range blocks(t, path) {
			if b.kind == "sh" && !read[b.page] {
				t.Errorf("%s:%d: commands that no test runs", b.page, b.line)
			}
		}
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(t, "../../README.md") {
		for line := range strings.Lines(b.text) {
			words := strings.Fields(line)
			if b.kind != "sh" || len(words) == 0 {
				continue
			}
			if words[0] != "make" || !bytes.Contains(makefile, []byte("\n"+words[1]+":")) {
				t.Errorf("README.md: %q is no target of the Makefile", strings.TrimSpace(line))
			}
		}
	}
}
