package cli

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Scripts run commands as this program, in processes of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"temper": func() { os.Exit(Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// What the commands do, print and refuse, as a user types them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(e *testscript.Env) error {
		e.Setenv("HOME", e.WorkDir)
		e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
		e.Setenv("HF_HUB_OFFLINE", "1") // nothing here asks the network
		e.Setenv("PIP_NO_INDEX", "1")
		for _, name := range []string{"TEMPER_STORE", "TEMPER_TEMPORAL", "TEMPER_DIR", "TEMPER_MODELS"} {
			e.Setenv(name, "")
		}
		return forum(filepath.Join(e.WorkDir, "forum.db"))
	}})
}

// forum writes an SQLite file of three posts, of which one is no text.
func forum(file string) error {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	_, err = db.Exec(`PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; CREATE TABLE posts (id INTEGER, title TEXT, answer TEXT);
		INSERT INTO posts VALUES (3, 'Third', 'Another answer.'), (1, 'First', 'One answer.'), (2, 'Second', CAST(x'ff' AS TEXT))`)
	return errors.Join(err, db.Close())
}
