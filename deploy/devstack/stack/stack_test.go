package stack

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"temper/deploy/devstack/s3gw"
)

// TestMain makes this test binary its own S3 gateway when it is run as one.
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

func start(t *testing.T, o Options) *Stack {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func s3Client(t *testing.T, s *Stack) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.S3, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: s.Region, BucketLookup: minio.BucketLookupPath})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStateSurvives: what is put and what was registered is there after a restart on other ports, and both servers answer.
func TestStateSurvives(t *testing.T) {
	dir := t.TempDir()
	s := start(t, Options{Dir: dir, NoUI: true})
	_, err := s3Client(t, s).PutObject(t.Context(), Bucket, "a/b", strings.NewReader("kept"), 4, minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, File)); err == nil {
		t.Errorf("%s still describes a stack that has stopped", File)
	}
	s = start(t, Options{Dir: dir, NoUI: true})
	defer s.Stop()
	if info, err := s3Client(t, s).StatObject(t.Context(), Bucket, "a/b", minio.StatObjectOptions{}); err != nil || info.Size != 4 {
		t.Errorf("object after the restart: %+v, %v", info, err)
	}
	c, err := client.DialContext(t.Context(), client.Options{HostPort: s.Temporal})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: s.Namespace}); err != nil {
		t.Error(err)
	}
}

// TestRefusals: a taken port, a folder in use and a database of another server version are said before anything runs.
func TestRefusals(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if _, err := Start(t.Context(), Options{Dir: t.TempDir(), S3Port: port}); err == nil || !strings.Contains(err.Error(), "--s3-port") {
		t.Errorf("taken port: %v", err)
	}
	dir := t.TempDir()
	held, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second stack on a folder: %v", err)
	}
	held.Close()
	os.WriteFile(filepath.Join(dir, "temporal.db"), nil, 0o644)
	os.WriteFile(filepath.Join(dir, "temporal.db.version"), []byte("1.2.3\n"), 0o644)
	if _, err := Start(t.Context(), Options{Dir: dir, NoUI: true}); err == nil || !strings.Contains(err.Error(), "1.2.3") {
		t.Errorf("old database: %v", err)
	}
}

// TestGatewayDiesWithItsParent: the child ends when its standard input does, which is what the parent's death looks like.
func TestGatewayDiesWithItsParent(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir(), NoUI: true, Memory: true})
	defer s.Stop()
	address := strings.TrimPrefix(s.S3, "http://")
	s.gateway.Stop()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("the gateway still listens")
	}
	if _, err := Start(context.Background(), Options{Dir: filepath.Join(string([]byte{0}), "x")}); err == nil {
		t.Error("an impossible folder was accepted")
	}
}

// TestUnfinishedDatabase: a database whose making was interrupted holds nothing, and is made anew.
func TestUnfinishedDatabase(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"temporal.db", "temporal.db.unfinished"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, Options{Dir: dir, NoUI: true})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	s = start(t, Options{Dir: dir, NoUI: true})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
