package cli

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"temper/collect"
	"temper/dataset"
	"temper/internal/store"
)

// sources reads what recipes and arguments name: local files, s3:// addresses with the usual AWS variables, http and https addresses
// (TEMPER_PRIVATE_SOURCES=1 for those of private networks), hf:// datasets (HF_ENDPOINT, HF_TOKEN), and
// the rows of queries.
type sources struct{ local collect.Local }

// fetched are the files of other schemes, for this process.
var fetched = sync.OnceValues(func() (map[string]collect.Files, error) {
	dir, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "sources")
	private := os.Getenv("TEMPER_PRIVATE_SOURCES") == "1"
	web := &collect.Web{Folder: dir, Private: private}
	hub := collect.NewHub(os.Getenv("HF_ENDPOINT"), os.Getenv("HF_TOKEN"), dir)
	return map[string]collect.Files{"http": web, "https": web, "hf": hub}, nil
})

// remote returns the files of an address's scheme, or nil for those of this machine and S3.
func remote(address string) (collect.Files, error) {
	scheme, _, ok := strings.Cut(address, "://")
	if !ok || scheme == "s3" {
		return nil, nil
	}
	all, err := fetched()
	if err != nil {
		return nil, err
	}
	if all[scheme] == nil {
		return nil, fmt.Errorf("%s: no files are read by %s addresses; s3, http, https and hf are", address, scheme)
	}
	return all[scheme], nil
}

// List implements collect.Files.
func (s sources) List(ctx context.Context, root string) iter.Seq2[collect.FileInfo, error] {
	switch files, err := remote(root); {
	case err != nil:
		return func(yield func(collect.FileInfo, error) bool) { yield(collect.FileInfo{}, err) }
	case files != nil:
		return files.List(ctx, root)
	case !strings.HasPrefix(root, "s3://"):
		return s.local.List(ctx, root)
	}
	return func(yield func(collect.FileInfo, error) bool) {
		bucket, prefix, _ := strings.Cut(strings.TrimPrefix(root, "s3://"), "/")
		st, err := openBucket(ctx, bucket)
		if err != nil {
			yield(collect.FileInfo{}, err)
			return
		}
		for info, err := range st.List(ctx, prefix) {
			if err == nil && strings.HasSuffix(info.Key, "/") {
				continue
			}
			if !yield(collect.FileInfo{URI: "s3://" + path.Join(bucket, info.Key), Size: info.Size}, err) || err != nil {
				return
			}
		}
	}
}

// Open implements collect.Files.
func (s sources) Open(ctx context.Context, uri string) (dataset.Object, error) {
	if strings.HasPrefix(uri, collect.RowsScheme) {
		return openRows(ctx, uri)
	}
	switch files, err := remote(uri); {
	case err != nil:
		return nil, err
	case files != nil:
		return files.Open(ctx, uri)
	case !strings.HasPrefix(uri, "s3://"):
		return s.local.Open(ctx, uri)
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	st, err := openBucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	return st.Open(ctx, key)
}

func openBucket(ctx context.Context, bucket string) (dataset.Store, error) {
	return store.Open(ctx, "s3://"+bucket, store.Options{Endpoint: endpoint(), Region: os.Getenv("AWS_REGION")})
}

// endpoint is the S3 endpoint the environment names, or "": Amazon's.
func endpoint() string {
	if e := os.Getenv("AWS_ENDPOINT_URL_S3"); e != "" {
		return e
	}
	return os.Getenv("AWS_ENDPOINT_URL")
}
