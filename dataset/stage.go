package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxDocument bounds the JSON documents that are read whole: stages, manifests, aliases.
const maxDocument = 16 << 20

// StageKey names the work of an engine ("filter/1") with options, in full, on inputs: the hex SHA-256 of the three as JSON with sorted
// keys. The same work has the same key on every machine. What else decides the bytes is given as extra.
func StageKey(engine string, options any, inputs []Ref, extra ...string) (string, error) {
	o, err := canonical(options)
	if err != nil {
		return "", fmt.Errorf("options of %s: %w", engine, err)
	}
	digests := make([]string, len(inputs))
	for i, r := range inputs {
		digests[i] = r.SHA256
	}
	b, err := json.Marshal(struct {
		Engine  string
		Options json.RawMessage
		Inputs  []string
		Extra   []string
	}{engine, o, digests, append([]string{}, extra...)})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// canonical is v as JSON with the keys of objects sorted and numbers as they are written.
func canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// stageKey is where a stage's manifest lies.
func stageKey(key string) string { return "stages/" + key + ".json" }

// LoadStage returns the stage published under key, if there is one.
func LoadStage(ctx context.Context, s Store, key string) (stage Stage, found bool, err error) {
	_, err = loadJSON(ctx, s, stageKey(key), &stage)
	if errors.Is(err, fs.ErrNotExist) {
		return Stage{}, false, nil
	}
	if err == nil && stage.SchemaVersion > SchemaVersion {
		err = fmt.Errorf("stage %.12s has schema version %d, this program reads up to %d: %w", key, stage.SchemaVersion, SchemaVersion, ErrMalformed)
	}
	return stage, err == nil, err
}

// PublishStage makes a finished stage visible, after all its outputs are stored. If another was first, that one is returned.
// What is returned has passed through JSON, as what [LoadStage] returns has.
func PublishStage(ctx context.Context, s Store, stage Stage) (Stage, error) {
	b, err := json.Marshal(stage)
	if err != nil {
		return Stage{}, err
	}
	if _, err := s.PutIf(ctx, stageKey(stage.Key), b, ""); err != nil && !errors.Is(err, ErrConflict) {
		return Stage{}, err
	}
	published, found, err := LoadStage(ctx, s, stage.Key)
	if err == nil && !found {
		err = fmt.Errorf("stage %.12s was published and is gone: %w", stage.Key, fs.ErrNotExist)
	}
	return published, err
}

// loadJSON decodes the document at key into v and returns its ETag. One that is replaced while it is read is read again.
func loadJSON(ctx context.Context, s Store, key string, v any) (etag string, err error) {
	var b []byte
	for range swaps {
		if b, etag, err = readDocument(ctx, s, key); !errors.Is(err, ErrConflict) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return "", fmt.Errorf("%s: %w: %w", key, ErrMalformed, err)
	}
	return etag, nil
}

// readDocument reads a small object whole.
func readDocument(ctx context.Context, s Store, key string) (b []byte, etag string, err error) {
	obj, err := s.Open(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer obj.Close()
	info := obj.Info()
	if info.Size > maxDocument {
		return nil, "", fmt.Errorf("%s has %d bytes, more than %d: %w", key, info.Size, maxDocument, ErrMalformed)
	}
	b = make([]byte, info.Size)
	if _, err := io.ReadFull(io.NewSectionReader(obj, 0, info.Size), b); err != nil {
		return nil, "", fmt.Errorf("read %s: %w", key, err)
	}
	return b, info.ETag, nil
}
