package s3gw_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"temper/dataset"
	"temper/deploy/devstack/s3gw"
	"temper/internal/store"
	"temper/internal/store/storetest"
)

// TestMain makes this test binary its own gateway when it is run as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == s3gw.Command {
		if err := s3gw.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const user, secret = "temper", "tempersecret"

// gateway starts a gateway and returns how a store reaches it.
func gateway(t *testing.T) store.Options {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	g, err := s3gw.Start(t.Context(), s3gw.Options{Dir: filepath.Join(t.TempDir(), "s3"), Address: address, AccessKey: user, SecretKey: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	return store.Options{Endpoint: "http://" + address, AccessKey: user, SecretKey: secret}
}

// bucket makes a bucket and opens a store in it.
func bucket(t *testing.T, o store.Options, name, prefix string) dataset.Store {
	t.Helper()
	c, err := minio.New(o.Endpoint[len("http://"):], &minio.Options{Creds: credentials.NewStaticV4(user, secret, ""), Region: s3gw.Region, BucketLookup: minio.BucketLookupPath})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), "s3://"+name+prefix, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStore: the store in a bucket of a real server does what those in memory and in a folder do.
func TestStore(t *testing.T) {
	o := gateway(t)
	n := 0
	open := func(prefix string) func(t *testing.T) dataset.Store {
		return func(t *testing.T) dataset.Store {
			n++
			return bucket(t, o, fmt.Sprintf("bucket-%d", n), prefix)
		}
	}
	storetest.Run(t, open(""))
	t.Run("prefix", func(t *testing.T) { storetest.Run(t, open("/below/this")) })
}

// TestLargeObject: an object of several parts is read back as it was.
func TestLargeObject(t *testing.T) {
	s := bucket(t, gateway(t), "large", "")
	want := make([]byte, 70<<20)
	for i := range want {
		want[i] = byte(i * 2654435761 >> 15)
	}
	if _, err := s.Put(t.Context(), "k", bytes.NewReader(want), int64(len(want))); err != nil {
		t.Fatal(err)
	}
	obj, err := s.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	got, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Info().Size))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d of %d bytes: %v", len(got), len(want), err)
	}
}

// TestLostAnswer: a conditional write that succeeded, but whose answer the network lost, is no conflict; one that another writer
// forestalled is.
func TestLostAnswer(t *testing.T) {
	o := gateway(t)
	bucket(t, o, "lost", "")
	target, err := url.Parse(o.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var lose atomic.Int32
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}, ModifyResponse: func(r *http.Response) error {
		if r.Request.Method == http.MethodPut && r.StatusCode == http.StatusOK && lose.Add(-1) >= 0 {
			return errors.New("lost")
		}
		return nil
	}, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	proxy := httptest.NewServer(through)
	t.Cleanup(proxy.Close)
	o.Endpoint = proxy.URL
	s, err := store.Open(t.Context(), "s3://lost", o)
	if err != nil {
		t.Fatal(err)
	}
	lose.Store(1)
	first, err := s.PutIf(t.Context(), "k", []byte("one"), "")
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if _, err := s.PutIf(t.Context(), "k", []byte("one"), ""); !errors.Is(err, dataset.ErrConflict) {
		t.Errorf("the same bytes by another writer: got %v, want ErrConflict", err)
	}
	lose.Store(1)
	second, err := s.PutIf(t.Context(), "k", []byte("two"), first)
	if info, serr := s.Stat(t.Context(), "k"); err != nil || serr != nil || info.ETag != second {
		t.Errorf("swap: %v, %v, etag %s, want %s", err, serr, second, info.ETag)
	}
	if lose.Load() > 0 {
		t.Error("no answer was lost")
	}
}

// TestWrongAccess: a missing bucket and a wrong secret are said when the store is opened.
func TestWrongAccess(t *testing.T) {
	o := gateway(t)
	if _, err := store.Open(t.Context(), "s3://nobucket", o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing bucket: got %v, want ErrNotExist", err)
	}
	o.SecretKey = "wrong"
	if _, err := store.Open(t.Context(), "s3://nobucket", o); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("wrong secret: got %v", err)
	}
}
