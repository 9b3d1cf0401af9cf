package web

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var screenshots = flag.String("screenshots", "", "folder in which to leave pictures of the pages, light and dark, wide and narrow")

// chromium finds the browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("TEMPER_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium, chromium-browser or google-chrome in PATH, and TEMPER_CHROMIUM names none")
	return ""
}

// browse runs the browser on url and returns what it printed.
func browse(t *testing.T, browser, url string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	all := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir=" + t.TempDir()}, args...)
	cmd := exec.CommandContext(ctx, browser, append(all, url)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", browser, url, err, stderr.String())
	}
	return string(out)
}

// TestBrowser: a real browser opens the pages, draws them in their style, and makes nothing but text of foreign text.
func TestBrowser(t *testing.T) {
	browser := chromium(t)
	h := newHouse(t)
	server := httptest.NewServer(h.handler)
	defer server.Close()
	pages := h.pagesOf()
	for name, want := range map[string]string{"run": "Why rows were dropped", "rows": "train24", "rows-hostile": "alert"} {
		dom := browse(t, browser, server.URL+pages[name], "--dump-dom")
		if !strings.Contains(dom, want) || !strings.Contains(dom, "</html>") {
			t.Errorf("%s: the browser's document lacks %q:\n%.2000s", name, want, dom)
		}
		if strings.Contains(dom, "<script") || strings.Contains(dom, "<img") {
			t.Errorf("%s: the browser made an element of a row's text", name)
		}
	}
	picture := filepath.Join(t.TempDir(), "run.png")
	browse(t, browser, server.URL+pages["run"], "--window-size=1280,1600", "--screenshot="+picture)
	if info, err := os.Stat(picture); err != nil || info.Size() < 20_000 {
		t.Errorf("the picture of a run's page has nothing on it: %v, %v", info, err)
	}
	if *screenshots != "" {
		shoot(t, browser, server.URL, pages)
	}
}

// shoot leaves pictures of all pages.
func shoot(t *testing.T, browser, at string, pages map[string]string) {
	dir, err := filepath.Abs(*screenshots)
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range pages {
		for mode, args := range map[string][]string{
			"light": {"--window-size=1280,1900"}, "dark": {"--window-size=1280,1900", "--blink-settings=preferredColorScheme=0"},
			"phone": {"--window-size=500,2600"},
		} {
			browse(t, browser, at+path, append(args, "--screenshot="+filepath.Join(dir, name+"-"+mode+".png"))...)
		}
	}
}
