package store

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"temper/dataset"
)

// Options say how a store is reached. The zero value serves folders, and Amazon's S3 with the credentials of the AWS variables and files.
type Options struct {
	Endpoint     string `json:"endpoint,omitempty"` // of S3: http://host:port; "" means Amazon's
	Region       string `json:"region,omitempty"`   // "" means us-east-1 with an endpoint, and the bucket's without
	AccessKey    string `json:"-"`                  // "" means the AWS variables, then the credentials file
	SecretKey    string `json:"-"`
	SessionToken string `json:"-"`
	Quota        int64  `json:"quota,omitempty"` // bytes the store may hold; 0 means no limit
}

// Open opens the store at address: mem:, file:///path or a path, s3://bucket or s3://bucket/prefix. A folder is made if it is
// not there; a bucket must exist.
func Open(ctx context.Context, address string, o Options) (dataset.Store, error) {
	s, err := open(ctx, address, o)
	if err != nil || o.Quota == 0 {
		return s, err
	}
	return NewQuota(ctx, s, o.Quota)
}

func open(ctx context.Context, address string, o Options) (dataset.Store, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case address == "":
		return nil, fmt.Errorf("no store was given: want a path, file:///path, s3://bucket/prefix or mem: (in memory)")
	case address == "mem:":
		return NewMem(), nil
	case found && scheme == "file":
		u, err := url.Parse(address)
		if err != nil || u.Host != "" || u.Path == "" {
			return nil, fmt.Errorf("store %q: want file:///absolute/path", address)
		}
		return NewDir(u.Path)
	case found && scheme == "s3":
		bucket, prefix, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		if !strings.HasPrefix(rest, "//") || bucket == "" {
			return nil, fmt.Errorf("store %q: want s3://bucket or s3://bucket/prefix", address)
		}
		return newS3(ctx, bucket, strings.Trim(prefix, "/"), o)
	case found && strings.HasPrefix(rest, "//"):
		return nil, fmt.Errorf("store %q: want a path, file:///path, s3://bucket/prefix or mem: (in memory)", address)
	}
	return NewDir(address)
}
