// Package stack is the development stack of one folder: a Temporal server with its UI and an S3 gateway, all on loopback,
// with state that survives a restart.
package stack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"temper/deploy/devstack/s3gw"
	"temper/deploy/devstack/temporald"
)

// Bucket is the bucket of the stack's store.
const Bucket = "temper"

// File is the description of a running stack in its folder: other commands find the servers by it.
const File = "dev.json"

// Options says where a stack lives. A port of 0 means the one this folder had before, if it is free, or any free one.
type Options struct {
	Dir          string // everything is kept here
	Memory       bool   // Temporal's state in memory only: for tests
	TemporalPort int
	UIPort       int
	S3Port       int
	PagePort     int // of Temper's page, which others serve
	NoUI         bool
}

// Info is how to reach a running stack: the content of dev.json.
type Info struct {
	Temporal   string `json:"temporal"`    // host:port
	Namespace  string `json:"namespace"`   //
	TemporalUI string `json:"temporal_ui"` // URL, or ""
	S3         string `json:"s3"`          // URL of the S3 endpoint
	Region     string `json:"region"`      //
	Store      string `json:"store"`       // s3://bucket
	AccessKey  string `json:"access_key"`  // of the S3 gateway, made for this folder
	SecretKey  string `json:"secret_key"`  //
	Web        string `json:"web"`         // URL of Temper's own page, or ""
	PID        int    `json:"pid"`         // of the process that runs the stack
}

// A Stack is running.
type Stack struct {
	Info
	PageAddress string // host:port for Temper's page

	dir      string
	lock     *os.File
	temporal *temporald.Server
	gateway  *s3gw.Gateway
}

// Start brings the stack up and returns when both servers answer.
func Start(ctx context.Context, o Options) (_ *Stack, err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &Stack{dir: dir}
	defer func() {
		if err != nil {
			s.Stop() //nolint:errcheck // the first error tells more
		}
	}()
	if s.lock, err = lock(dir); err != nil {
		return nil, err
	}
	if err := o.ports(filepath.Join(dir, "ports.json")); err != nil {
		return nil, err
	}
	if err := s.startGateway(ctx, o); err != nil {
		return nil, err
	}
	t := temporald.Options{Port: o.TemporalPort, UIPort: o.UIPort, DBFile: filepath.Join(dir, "temporal.db"), Namespace: "default"}
	if o.Memory {
		t.DBFile = ""
	}
	if s.temporal, err = temporald.Start(t); err != nil {
		return nil, err
	}
	s.PageAddress = net.JoinHostPort("127.0.0.1", strconv.Itoa(o.PagePort))
	s.Temporal, s.Namespace, s.PID = s.temporal.Address, t.Namespace, os.Getpid()
	if o.UIPort > 0 {
		s.TemporalUI = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(o.UIPort))
	}
	return s, s.Describe()
}

// Describe writes the stack's dev.json: again after Web is set.
func (s *Stack) Describe() error {
	b, err := json.MarshalIndent(s.Info, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(s.dir, "."+File)
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(s.dir, File))
}

// Stop ends both servers. Stop workers and close clients first.
func (s *Stack) Stop() error {
	var err error
	if s.temporal != nil {
		err = s.temporal.Stop()
	}
	if s.gateway != nil {
		s.gateway.Stop()
	}
	if s.lock != nil {
		os.Remove(filepath.Join(s.dir, File))
		s.lock.Close()
	}
	return err
}

// lockPatience is how long a stack that was killed may take to end: its gateway notices within that.
const lockPatience = 2 * time.Second

// lock refuses a second stack on one folder. The lock ends with the process and its gateway, however they end.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for patience := time.After(lockPatience); syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil; {
		select {
		case <-tick.C:
		case <-patience:
			f.Close()
			return nil, fmt.Errorf("%s is in use by another temper: stop that one, or choose another folder with --dir", dir)
		}
	}
	return f, nil
}

// ports fills in the ports that were not given: those of the last time where they are free, so that addresses last. A given port
// that is taken is an error, before anything is started.
func (o *Options) ports(file string) error {
	free, err := temporald.FreePorts(4)
	if err != nil {
		return err
	}
	var last map[string]int
	if b, err := os.ReadFile(file); err == nil {
		json.Unmarshal(b, &last) //nolint:errcheck // a broken file is as good as none
	}
	used := map[string]int{}
	for i, p := range []struct {
		port       *int
		what, flag string
	}{{&o.TemporalPort, "Temporal", "--temporal-port"}, {&o.S3Port, "the S3 gateway", "--s3-port"}, {&o.UIPort, "Temporal's UI", "--ui-port"},
		{&o.PagePort, "the page", "--page-port"}} {
		given := *p.port != 0
		if !given {
			*p.port = last[p.flag]
		}
		if *p.port == 0 || !isFree(*p.port) {
			if given {
				return fmt.Errorf("port %d for %s is taken: choose another with %s, or 0 for a free one", *p.port, p.what, p.flag)
			}
			*p.port = free[i]
		}
		used[p.flag] = *p.port
	}
	if o.NoUI {
		o.UIPort = 0
	}
	b, err := json.Marshal(used)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func (s *Stack) startGateway(ctx context.Context, o Options) error {
	keys, err := loadKeys(filepath.Join(s.dir, "s3-keys.json"))
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(o.S3Port))
	s.gateway, err = s3gw.Start(ctx, s3gw.Options{Dir: filepath.Join(s.dir, "s3"), Address: address, AccessKey: keys.AccessKey, SecretKey: keys.SecretKey, Hold: s.lock})
	if err != nil {
		return err
	}
	s.S3, s.Region, s.Store = "http://"+address, s3gw.Region, "s3://"+Bucket
	s.AccessKey, s.SecretKey = keys.AccessKey, keys.SecretKey
	c, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(keys.AccessKey, keys.SecretKey, ""), Region: s3gw.Region, BucketLookup: minio.BucketLookupPath})
	if err != nil {
		return err
	}
	if ok, err := c.BucketExists(ctx, Bucket); err != nil || ok {
		return err
	}
	return c.MakeBucket(ctx, Bucket, minio.MakeBucketOptions{Region: s3gw.Region})
}

// keyPair is the gateway's credentials, made at random for each folder.
type keyPair struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

func loadKeys(path string) (k keyPair, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		k = keyPair{AccessKey: "temper-" + rand.Text()[:8], SecretKey: rand.Text()}
		b, err := json.Marshal(k)
		if err != nil {
			return k, err
		}
		return k, os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(b, &k); err != nil || k.AccessKey == "" || k.SecretKey == "" {
		return k, fmt.Errorf("%s does not hold the gateway's keys: remove it to have new ones made", path)
	}
	return k, nil
}
