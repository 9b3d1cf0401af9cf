package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"temper/internal/quant"
)

// The bounds on a sharded model.
const (
	maxShards = 1024
	maxIndex  = 64 << 20 // bytes of the index
)

// OpenDir maps model.safetensors of dir, or the shards that model.safetensors.index.json names, read-only.
func OpenDir(dir string) (*File, error) {
	path := filepath.Join(dir, "model.safetensors.index.json")
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return openFile(filepath.Join(dir, "model.safetensors"))
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxIndex {
		return nil, fmt.Errorf("%s: %d bytes: %w", path, info.Size(), ErrFormat)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(b, &index); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, err, ErrFormat)
	}
	all := &File{Metadata: map[string]string{}, tensors: map[string]Tensor{}}
	if err := all.shards(dir, index.WeightMap); err != nil {
		all.Close() //nolint:errcheck // the first error tells more
		return nil, err
	}
	return all, nil
}

// shards opens the files that hold the tensors of the index, and takes those.
func (f *File) shards(dir string, index map[string]string) error {
	open := map[string]*File{}
	for name, shard := range index {
		one := open[shard]
		if one == nil {
			if len(open) == maxShards || shard != filepath.Base(shard) {
				return fmt.Errorf("%s: shard %q: %w", dir, shard, ErrFormat)
			}
			var err error
			if one, err = openFile(filepath.Join(dir, shard)); err != nil {
				return err
			}
			open[shard] = one
			f.mapped = append(f.mapped, one.mapped...)
			maps.Copy(f.Metadata, one.Metadata)
		}
		t, ok := one.Tensor(name)
		if !ok {
			return fmt.Errorf("%s: the index says %s has tensor %s, and it has not: %w", dir, shard, name, ErrFormat)
		}
		f.tensors[name] = t
	}
	return nil
}

// openFile maps one file.
func openFile(path string) (*File, error) {
	var m quant.Maps
	b, err := m.Map(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(b)
	if err != nil {
		m.Close() //nolint:errcheck // the first error tells more
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.mapped = m
	return f, nil
}
