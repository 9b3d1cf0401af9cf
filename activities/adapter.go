package activities

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
	"strings"

	"temper/dataset"
	"temper/finetune"
	"temper/lora"
)

// An AdapterCard says what an adapter is: temper.json beside its PEFT files.
type AdapterCard struct {
	SchemaVersion int              `json:"schema_version"`
	Name          string           `json:"name"`
	Version       string           `json:"version"`
	Base          BaseCard         `json:"base"`
	Dataset       string           `json:"dataset"` // name@version
	LoRA          lora.Options     `json:"lora"`
	Train         finetune.Options `json:"train"`
	Metrics       map[string]any   `json:"metrics"`
	Stage         string           `json:"stage"` // key of the training
	Adapter       Adapter          `json:"adapter"`
}

// A BaseCard names the base an adapter is for.
type BaseCard struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`         // of what was trained over
	Form   *Form  `json:"form,omitempty"` // what it was turned into for that; nil: as it was found
}

// AdapterDir is where a version of an adapter lies in the store.
func AdapterDir(name, version string) string { return "adapters/" + name + "/" + version + "/" }

// adapterCardFile is the name of an AdapterCard below the adapter's folder.
const adapterCardFile = "temper.json"

// LoadAdapter reads the card of an adapter.
func LoadAdapter(ctx context.Context, s dataset.Store, name, version string) (card AdapterCard, err error) {
	if err := errors.Join(dataset.CheckName(name), dataset.CheckName(version)); err != nil {
		return card, err
	}
	key := AdapterDir(name, version) + adapterCardFile
	obj, err := s.Open(ctx, key)
	if err != nil {
		return card, fmt.Errorf("adapter %s@%s: %w", name, version, err)
	}
	defer obj.Close()
	if err := json.NewDecoder(io.NewSectionReader(obj, 0, min(obj.Info().Size, 16<<20))).Decode(&card); err != nil {
		return card, fmt.Errorf("%s: %w: %w", key, dataset.ErrMalformed, err)
	}
	return card, nil
}

// publishAdapter writes the adapter's folder, its card last, and returns its version: the digest of its two files.
func (a *Activities) publishAdapter(ctx context.Context, in TrainInput, r AdapterResult) (string, error) {
	sum := sha256.Sum256([]byte(r.Adapter.Weights.SHA256 + r.Adapter.Config.SHA256))
	version := hex.EncodeToString(sum[:6])
	dir := AdapterDir(in.Name, version)
	if _, err := a.Store.Stat(ctx, dir+adapterCardFile); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return version, err
	}
	for name, ref := range map[string]dataset.Ref{lora.WeightsFile: r.Adapter.Weights, lora.ConfigFile: r.Adapter.Config} {
		b, err := readBlob(ctx, a.store(), ref)
		if err != nil {
			return "", err
		}
		if _, err := a.store().Put(ctx, dir+name, bytes.NewReader(b), int64(len(b))); err != nil {
			return "", err
		}
	}
	card := AdapterCard{SchemaVersion: dataset.SchemaVersion, Name: in.Name, Version: version, Base: BaseCard{in.Base.Name, in.Base.Ref.SHA256, in.Base.Form},
		Dataset: in.Dataset, LoRA: in.LoRA, Train: in.Options, Stage: r.Stage.Key, Adapter: r.Adapter, Metrics: map[string]any{}}
	for k, v := range r.Stage.Metrics {
		if k != "curve" {
			card.Metrics[k] = v
		}
	}
	b, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return "", err
	}
	if _, err = a.Store.PutIf(ctx, dir+adapterCardFile, b, ""); errors.Is(err, dataset.ErrConflict) {
		err = nil // another run trained the same adapter and was first
	}
	return version, err
}

// maxAdapterBytes bounds the files of an adapter that are read into memory.
const maxAdapterBytes = 8 << 30

// readBlob reads a blob whole.
func readBlob(ctx context.Context, s dataset.Store, ref dataset.Ref) ([]byte, error) {
	if ref.Bytes > maxAdapterBytes {
		return nil, fmt.Errorf("blob %.12s has %d bytes: %w", ref.SHA256, ref.Bytes, dataset.ErrMalformed)
	}
	obj, err := dataset.OpenBlob(ctx, s, ref)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	b := make([]byte, ref.Bytes)
	if n, err := obj.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("blob %.12s: %w", ref.SHA256, err)
	}
	return b, nil
}

// adapter reads an adapter, or returns nil for none.
func (a *Activities) adapter(ctx context.Context, r Adapter) (*lora.Adapter, error) {
	if r.Weights.SHA256 == "" {
		return nil, nil
	}
	config, err := readBlob(ctx, a.store(), r.Config)
	if err != nil {
		return nil, err
	}
	weights, err := readBlob(ctx, a.store(), r.Weights)
	if err != nil {
		return nil, err
	}
	return lora.Parse(config, weights)
}

// maxAdapters bounds a listing.
const maxAdapters = 10_000

// ListAdapters returns the cards of all adapters on the store, by name and version.
func ListAdapters(ctx context.Context, s dataset.Store) ([]AdapterCard, error) {
	var cards []AdapterCard
	for info, err := range s.List(ctx, "adapters/") {
		if err != nil {
			return nil, err
		}
		parts := strings.Split(info.Key, "/")
		if len(parts) != 4 || parts[3] != adapterCardFile {
			continue
		}
		card, err := LoadAdapter(ctx, s, parts[1], parts[2])
		if err != nil {
			return nil, err
		}
		if cards = append(cards, card); len(cards) == maxAdapters {
			break
		}
	}
	return cards, nil
}
