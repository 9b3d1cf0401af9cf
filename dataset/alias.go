package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
)

// swaps bounds the tries of a compare-and-swap: each lost one means that another writer has won, so that only an endless
// stream of writers reaches it.
const swaps = 100

// Aliases say which version of an adapter is in use: adapters/<name>/aliases.json.
type Aliases struct {
	Champion string `json:"champion"`           // "" while there is none
	Previous string `json:"previous,omitempty"` // the champion before, to roll back to
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckName refuses a name of a dataset, an adapter or a version that cannot be a part of a key: it must be 1 to 100 letters,
// digits, dots, dashes and underscores, the first a letter or digit.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("name %q: want 1 to 100 letters, digits, dots, dashes, underscores, the first a letter or digit: %w", name, ErrMalformed)
	}
	return nil
}

func aliasKey(name string) string { return "adapters/" + name + "/aliases.json" }

// LoadAliases returns the aliases of an adapter's name; the zero value if none were set.
func LoadAliases(ctx context.Context, s Store, name string) (Aliases, error) {
	a, _, err := loadAliases(ctx, s, name)
	return a, err
}

func loadAliases(ctx context.Context, s Store, name string) (a Aliases, etag string, err error) {
	if err := CheckName(name); err != nil {
		return a, "", err
	}
	etag, err = loadJSON(ctx, s, aliasKey(name), &a)
	if errors.Is(err, fs.ErrNotExist) {
		return Aliases{}, "", nil
	}
	return a, etag, err
}

// MoveAlias makes version to the champion, if the champion is expect ("" means none), and keeps expect as the previous one.
// It returns the aliases as they are afterwards. If to is the champion already nothing is written; if the champion is another,
// the error wraps ErrConflict and nothing has changed.
func MoveAlias(ctx context.Context, s Store, name, expect, to string) (Aliases, error) {
	if err := CheckName(to); err != nil {
		return Aliases{}, err
	}
	for range swaps {
		now, etag, err := loadAliases(ctx, s, name)
		if err != nil || now.Champion == to {
			return now, err
		}
		if now.Champion != expect {
			return now, fmt.Errorf("champion of %s is %q, not %q as expected: %w", name, now.Champion, expect, ErrConflict)
		}
		next := Aliases{Champion: to, Previous: expect}
		b, err := json.Marshal(next)
		if err != nil {
			return now, err
		}
		if _, err = s.PutIf(ctx, aliasKey(name), b, etag); err == nil {
			return next, nil
		}
		if !errors.Is(err, ErrConflict) {
			return now, err
		}
	}
	return Aliases{}, fmt.Errorf("champion of %s: %d lost swaps: %w", name, swaps, ErrConflict)
}
