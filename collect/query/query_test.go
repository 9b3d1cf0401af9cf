package query

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

// A server is a database with a table of its own, and what its dialect calls things.
type server struct {
	address string
	exec    func(t *testing.T, statement string)
	blob    string // a literal of the bytes ff
	series  string // a query of the numbers n from 1 to a million, with a text of a thousand letters
	more    []string
}

// sqliteServer is a file.
func sqliteServer(t *testing.T) server {
	file := filepath.Join(t.TempDir(), "a ?&#%.db")
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return server{
		address: "sqlite:" + file, blob: "CAST(x'ff' AS TEXT)",
		series: "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < %d) SELECT n, printf('%%.1000c', 'x') AS text FROM s",
		exec: func(t *testing.T, statement string) {
			t.Helper()
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// postgresServer starts a server of its own, on a socket in a folder. Where PostgreSQL is not installed the test says so.
func postgresServer(t *testing.T) server {
	bin := binaries(t)
	dir, err := os.MkdirTemp("", "pg") // the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PGPASSWORD=hunter2secret", "LC_ALL=C")
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		if os.Geteuid() == 0 { // which PostgreSQL refuses
			asNobody(t, cmd, dir)
		}
		log, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log // not a pipe, which a server would keep open
		if err := cmd.Run(); err != nil {
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("%s: %v\n%s", name, err, b)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("hunter2secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	run("initdb", "-D", data, "-U", "temper", "--no-sync", "--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", "--pwfile="+filepath.Join(dir, "password"))
	run("pg_ctl", "-D", data, "-w", "-t", "60", "-o", "-c listen_addresses= -c fsync=off -c unix_socket_directories="+dir, "-l", filepath.Join(dir, "server.log"), "start")
	t.Cleanup(func() { run("pg_ctl", "-D", data, "-m", "immediate", "stop") })
	address := "postgres://temper:hunter2secret@/postgres?host=" + dir
	return server{
		address: address, blob: `'\xff'::bytea`,
		series: "SELECT n, repeat('x', 1000) AS text FROM generate_series(1, %d) AS n",
		exec: func(t *testing.T, statement string) {
			t.Helper()
			conn, err := pgconn.Connect(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			if err := conn.Exec(t.Context(), statement).Close(); err != nil {
				t.Fatal(err)
			}
		},
		more: []string{address, "hunter2secret"},
	}
}

// binaries is the folder of PostgreSQL's programs.
func binaries(t *testing.T) string {
	if name, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(name)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Skip("PostgreSQL is not installed (apt-get install postgresql): its part of this test is skipped")
	}
	return filepath.Dir(found[len(found)-1])
}

// asNobody has a command run as a user that is not root, and gives it the folder.
func asNobody(t *testing.T, cmd *exec.Cmd, dir string) {
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("PostgreSQL does not run as root, and there is no other user: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// servers runs a test on both databases.
func servers(t *testing.T, test func(t *testing.T, s server)) {
	t.Run("SQLite", func(t *testing.T) { test(t, sqliteServer(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, postgresServer(t)) })
}

func ask(s server, statement string, key ...string) (string, error) {
	var b bytes.Buffer
	_, err := Write(context.Background(), Query{Address: s.address, SQL: statement, Key: key}, &b)
	return b.String(), err
}

// TestWrite: rows come as JSON objects, with numbers, texts of all letters and nothing for NULL, in the order of their key; what is
// wrong with a query is said, no statement changes anything or reaches another file, and no error tells the address.
func TestWrite(t *testing.T) {
	servers(t, func(t *testing.T, s server) {
		s.exec(t, `CREATE TABLE posts (id INTEGER, body TEXT, score REAL)`)
		s.exec(t, `INSERT INTO posts VALUES (2, 'say "hé\llo"', 1.5), (1, 'two`+"\n"+`lines	tab', NULL), (3, NULL, 1e20)`)
		tests := []struct {
			query, want string
			key         []string
		}{
			{"SELECT id, body AS text, score FROM posts ORDER BY id DESC;", `{"id":3,"score":1e+20}|{"id":2,"text":"say \"hé\\llo\"","score":1.5}|{"id":1,"text":"two\nlines\ttab"}`, nil},
			{"SELECT id, body AS text FROM posts -- any order\n ;", `{"id":1,"text":"two\nlines\ttab"}|{"id":2,"text":"say \"hé\\llo\""}|{"id":3}`, []string{"id"}},
			{"WITH p AS (SELECT * FROM posts) SELECT id AS \"the \"\"key\" FROM p", `{"the \"key":1}|{"the \"key":2}|{"the \"key":3}`, []string{`the "key`}},
			{"SELECT id, " + s.blob + " AS text FROM posts WHERE id = 1", "{\"id\":1,\"text\":\"\xff\"}", nil},
			{"SELECT id FROM posts WHERE id > 9", "", []string{"id"}},
		}
		for _, tt := range tests {
			got, err := ask(s, tt.query, tt.key...)
			if d := cmp.Diff(tt.want, strings.ReplaceAll(strings.TrimSuffix(got, "\n"), "\n", "|")); d != "" || err != nil {
				t.Errorf("%s: %v, want -, got +:\n%s", tt.query, err, d)
			}
		}
		for query, want := range map[string]string{
			"SELEC 1": "syntax error", "SELECT * FROM nothing": "nothing", "SELECT id, body AS id FROM posts": `two columns are called "id"`,
			"INSERT INTO posts VALUES (9, 'x', 0)": "", "DELETE FROM posts": "", "DROP TABLE posts": "", "COMMIT; DELETE FROM posts": "", "PRAGMA query_only=0; DELETE FROM posts": "",
			"VACUUM INTO '" + filepath.Join(t.TempDir(), "copy.db") + "'": "", "SELECT 1) AS x; DELETE FROM posts; --": "", "": "",
		} {
			if _, err := ask(s, query); !errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", query, err, want)
			}
		}
		for key, want := range map[string]string{"score": "has no score", "none": "none"} {
			if _, err := ask(s, "SELECT id, score FROM posts", key); !errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), want) {
				t.Errorf("key %s: error %v", key, err)
			}
		}
		if _, err := ask(s, "SELECT 7 AS k FROM posts", "k"); !errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), `two rows have the key ["7"]`) {
			t.Errorf("a key twice: %v", err)
		}
		if got, err := ask(s, "SELECT count(*) AS n FROM posts"); got != "{\"n\":3}\n" || err != nil {
			t.Errorf("%s, %v: something was changed", got, err)
		}
	})
}

// TestPostgresTypes: what is no text is JSON's, what has no form there is a text at UTC.
func TestPostgresTypes(t *testing.T) {
	s := postgresServer(t)
	got, err := ask(s, `SELECT true AS a, 7::int8 AS b, 1.50::numeric AS c, 'NaN'::float8 AS d, '{"x": [1,
	2]}'::json AS e, '{"y":null}'::jsonb AS f, timestamptz '2026-01-02 03:04:05+02' AS g, ARRAY['p','q'] AS h, date '2026-01-02' AS i, 'hi'::bytea AS j`)
	want := `{"a":true,"b":7,"c":1.50,"e":{"x":[1,2]},"f":{"y":null},"g":"2026-01-02 01:04:05+00","h":"{p,q}","i":"2026-01-02","j":"hi"}` + "\n"
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v, want -, got +:\n%s", err, d)
	}
	for _, wrong := range []string{strings.Replace(s.address, "hunter2secret", "wrongpass", 1), strings.Replace(s.address, "/postgres?", "/nothing?", 1),
		"postgres://temper:hunter2secret@127.0.0.1:1/postgres?sslmode=hunter2secret", "postgres://temper:hunter2secret@[::1/x", "host=/none password=hunter2secret user=temper", "hunter2secret"} {
		_, err := Write(t.Context(), Query{Address: wrong, SQL: "SELECT 1 AS a"}, &bytes.Buffer{})
		if err == nil || strings.Contains(err.Error(), "hunter2secret") || strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "wrongpass") {
			t.Errorf("the address %s: %v", wrong, err)
		}
		if permanent := !strings.HasPrefix(wrong, "host=/none"); errors.Is(err, ErrQuery) != permanent {
			t.Errorf("the address %s: final %v: %v", wrong, !permanent, err)
		}
	}
}

// TestBounded: memory does not grow with the number of rows, and a row that is too long ends the query.
func TestBounded(t *testing.T) {
	servers(t, func(t *testing.T, s server) {
		rows := 100_000
		s.exec(t, "CREATE TABLE one (n INTEGER)") // before, SQLite has no file
		most := &highest{}
		n, err := Write(t.Context(), Query{Address: s.address, SQL: fmt.Sprintf(s.series, rows)}, most)
		if err != nil || n != int64(rows) || most.bytes < int64(rows)*1000 {
			t.Fatalf("%d rows, %d bytes, %v", n, most.bytes, err)
		}
		if most.heap > most.first+24<<20 {
			t.Errorf("%d MiB in use after the last row, %d after the first", most.heap>>20, most.first>>20)
		}
		if _, err := ask(s, "SELECT length(replace('"+strings.Repeat("x", 1000)+"', 'x', '"+strings.Repeat("y", 1000)+"')) AS n"); err != nil {
			t.Error(err)
		}
		long := "'" + strings.Repeat("y", 7000) + "'"
		if _, err := ask(s, "SELECT replace('"+strings.Repeat("x", 10_000)+"', 'x', "+long+") AS text"); !errors.Is(err, ErrQuery) {
			t.Errorf("a row of 70 MB: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Write(ctx, Query{Address: s.address, SQL: fmt.Sprintf(s.series, rows)}, most); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled context: %v", err)
		}
	})
}

// highest counts bytes and looks at the heap now and then.
type highest struct {
	bytes, seen int64
	first, heap uint64
}

func (h *highest) Write(b []byte) (int, error) {
	if h.bytes += int64(len(b)); h.first == 0 || h.bytes-h.seen > 16<<20 {
		h.seen = h.bytes
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		if h.first == 0 {
			h.first = m.HeapInuse
		}
		h.heap = max(h.heap, m.HeapInuse)
	}
	return len(b), nil
}

// TestNoFile: a file that is not there is said to be so, and none is made; one that is no database is refused.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := ask(server{address: "sqlite:" + dir + "/none.db"}, "SELECT 1 AS a"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.WriteFile(dir+"/text.db", []byte(strings.Repeat("no database at all\n", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/text.db", ""} {
		if _, err := ask(server{address: "sqlite:" + dir + name}, "SELECT * FROM sqlite_master"); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("files %v", all)
	}
}

// FuzzText: every text is a JSON string that says it, if it is UTF-8, and no JSON that is UTF-8 if it is not.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c\n\t\r\x00\x1f\x7f", "é\u2028", "\xff\"", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := appendText(nil, []byte(text))
		var got string
		if strings.ToValidUTF8(text, "") == text {
			if err := json.Unmarshal(b, &got); err != nil || got != text {
				t.Errorf("%q gives %s, read as %q, %v", text, b, got, err)
			}
		} else if strings.ToValidUTF8(string(b), "") == string(b) {
			t.Errorf("%q gives %s, which is UTF-8", text, b)
		}
	})
}
