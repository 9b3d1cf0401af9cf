package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.temporal.io/sdk/client"

	"temper/dataset"
	"temper/internal/store"
	"temper/worker"
)

// storeFlags say where datasets and adapters lie.
type storeFlags struct {
	Store string `env:"TEMPER_STORE" placeholder:"s3://BUCKET/PREFIX" help:"Where datasets and adapters lie: s3://, a folder. Default: the store of the development stack in --dir."`
	Dir   string `env:"TEMPER_DIR" default:"temper-data" help:"Folder of a development stack (temper dev), whose addresses are used where none are given."`
}

// serverFlags say where runs are.
type serverFlags struct {
	Temporal  string `env:"TEMPER_TEMPORAL" placeholder:"HOST:PORT" help:"Temporal server. Default: the one of the development stack in --dir."`
	Namespace string `env:"TEMPER_NAMESPACE" default:"default" help:"Temporal namespace."`
}

// A Connection is the addresses of the servers, as a running development stack describes them in its dev.json.
type Connection struct {
	Temporal   string `json:"temporal"`
	Namespace  string `json:"namespace"`
	TemporalUI string `json:"temporal_ui"`
	S3         string `json:"s3"`
	Region     string `json:"region"`
	Store      string `json:"store"`
	AccessKey  string `json:"access_key"`
	SecretKey  string `json:"secret_key"`
	Web        string `json:"web"`
	PID        int    `json:"pid"`
}

// DevStack reads the description of the stack that runs in dir; nil if none does.
func DevStack(dir string) (*Connection, error) {
	path := filepath.Join(dir, "dev.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &Connection{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("%s: %w: remove it and start `temper dev` again", path, err)
	}
	if c.PID > 0 && errors.Is(syscall.Kill(c.PID, 0), syscall.ESRCH) {
		return nil, nil // left behind by a stack that was killed
	}
	return c, nil
}

// openStore opens the store the flags name.
func (a *app) openStore(f storeFlags) (dataset.Store, error) {
	if f.Store != "" {
		return openAddress(a, f.Store)
	}
	dev, err := DevStack(f.Dir)
	if err != nil {
		return nil, err
	}
	if dev == nil {
		return nil, fmt.Errorf("no store given and no development stack runs in %s: start one with `temper dev`, or give --store (TEMPER_STORE): %w", f.Dir, errInput)
	}
	return OpenStore(a, *dev)
}

// OpenStore opens a connection's store.
func OpenStore(a *Shell, c Connection) (dataset.Store, error) {
	return store.Open(a.ctx, c.Store, store.Options{Endpoint: c.S3, Region: c.Region, AccessKey: c.AccessKey, SecretKey: c.SecretKey})
}

// openAddress opens a store by its address; the endpoint of an S3 other than Amazon's comes from the usual variable.
func openAddress(a *app, address string) (dataset.Store, error) {
	return store.Open(a.ctx, address, store.Options{Endpoint: endpoint(), Region: os.Getenv("AWS_REGION")})
}

// dial connects to the Temporal server the flags name.
func (a *app) dial(s serverFlags, f storeFlags) (client.Client, error) {
	address := s.Temporal
	if address == "" {
		dev, err := DevStack(f.Dir)
		if err != nil {
			return nil, err
		}
		if dev == nil {
			return nil, fmt.Errorf("no Temporal server given and no development stack runs in %s: start one with `temper dev`, or give --temporal (TEMPER_TEMPORAL): %w", f.Dir, errInput)
		}
		address = dev.Temporal
	}
	return worker.Dial(a.ctx, address, s.Namespace)
}
