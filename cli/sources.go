package cli

import (
	"context"
	"iter"
	"os"
	"path"
	"strings"

	"temper/collect"
	"temper/dataset"
	"temper/internal/store"
)

// sources reads what recipes and arguments name: local files, and s3:// addresses with the usual AWS variables.
type sources struct{ local collect.Local }

// List implements collect.Files.
func (s sources) List(ctx context.Context, root string) iter.Seq2[collect.FileInfo, error] {
	if !strings.HasPrefix(root, "s3://") {
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
	if !strings.HasPrefix(uri, "s3://") {
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
