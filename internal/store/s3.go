package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"temper/dataset"
)

const (
	single   = 64 << 20 // bytes up to which an object is one PUT
	partSize = 16 << 20 // bytes of a part of a larger one
	tries    = 3        // of a request, inside the client; workflows retry beyond
	raced    = 8        // tries of a conditional write the server could not decide (409)
)

// S3 is a store in a bucket, below a prefix.
type S3 struct {
	core   minio.Core
	bucket string
	prefix string // "" or ends in a slash
}

// newS3 connects to a bucket, which must exist.
func newS3(ctx context.Context, bucket, prefix string, o Options) (*S3, error) {
	host, secure, lookup := "s3.amazonaws.com", true, minio.BucketLookupAuto
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("s3 endpoint %q: want http://host:port or https://host", o.Endpoint)
		}
		host, secure, lookup = u.Host, u.Scheme == "https", minio.BucketLookupPath
		if o.Region == "" {
			o.Region = "us-east-1"
		}
	}
	creds := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}})
	if o.AccessKey != "" {
		creds = credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken)
	}
	c, err := minio.New(host, &minio.Options{Creds: creds, Secure: secure, Region: o.Region, BucketLookup: lookup, MaxRetries: tries})
	if err != nil {
		return nil, fmt.Errorf("s3 client: %w", err)
	}
	ok, err := c.BucketExists(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s at %s: %w", bucket, host, err)
	}
	if !ok {
		return nil, fmt.Errorf("bucket %s at %s: create it first: %w", bucket, host, fs.ErrNotExist)
	}
	if prefix != "" {
		prefix += "/"
	}
	return &S3{core: minio.Core{Client: c}, bucket: bucket, prefix: prefix}, nil
}

// fail says what failed, and marks what callers decide on.
func (s *S3) fail(what, key string, err error) error {
	r := minio.ToErrorResponse(err)
	err = fmt.Errorf("%s s3://%s/%s%s: %w", what, s.bucket, s.prefix, key, err)
	switch {
	case r.Code == minio.NoSuchKey, r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case r.StatusCode == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", dataset.ErrConflict, err)
	case r.StatusCode == http.StatusInsufficientStorage, strings.Contains(r.Code, "QuotaExceeded"), r.Code == "XMinioStorageFull":
		return fmt.Errorf("%w: %w", dataset.ErrFull, err)
	}
	return err
}

// Open implements [dataset.Store].
func (s *S3) Open(ctx context.Context, key string) (dataset.Object, error) {
	info, err := s.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &s3Object{store: s, ctx: ctx, info: info}, nil
}

// Stat implements [dataset.Store].
func (s *S3) Stat(ctx context.Context, key string) (dataset.Info, error) {
	if err := checkKey(key); err != nil {
		return dataset.Info{}, err
	}
	o, err := s.core.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return dataset.Info{}, s.fail("stat", key, err)
	}
	return dataset.Info{Key: key, Size: o.Size, ETag: o.ETag}, nil
}

// Put implements [dataset.Store]. The body is read by offset, so that the client can send a part again.
func (s *S3) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: size <= single, PartSize: partSize}
	u, err := s.core.Client.PutObject(ctx, s.bucket, s.prefix+key, io.NewSectionReader(body, 0, size), size, o)
	if err != nil {
		return "", s.fail("put", key, err)
	}
	return u.ETag, nil
}

// mark is the metadata that names one conditional write. It tells a write that succeeded, but whose answer was lost, from one that
// another writer forestalled: the client's second try is refused in both cases.
const mark = "Temper-Write"

// PutIf implements [dataset.Store]: one PUT with If-None-Match or If-Match.
func (s *S3) PutIf(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	if err := checkCond(key, body); err != nil {
		return "", err
	}
	write := rand.Text()
	o := minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true, UserMetadata: map[string]string{mark: write}}
	if etag == "" {
		o.SetMatchETagExcept("*")
	} else {
		o.SetMatchETag(etag)
	}
	for n := 1; ; n++ {
		u, err := s.core.Client.PutObject(ctx, s.bucket, s.prefix+key, bytes.NewReader(body), int64(len(body)), o)
		if err == nil {
			return u.ETag, nil
		}
		now, serr := s.core.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
		if serr == nil && now.UserMetadata[mark] == write {
			return now.ETag, nil
		}
		switch code := minio.ToErrorResponse(err).StatusCode; {
		case code == http.StatusConflict && n < raced:
			continue // two writers met: only trying again tells who was first
		case code == http.StatusNotFound && etag != "":
			return "", fmt.Errorf("%w: %w", conflict(key, etag, ""), err)
		}
		return "", s.fail("put", key, err)
	}
}

// List implements [dataset.Store].
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[dataset.Info, error] {
	return func(yield func(dataset.Info, error) bool) {
		for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
			if o.Err != nil {
				yield(dataset.Info{}, s.fail("list", prefix, o.Err))
				return
			}
			if strings.HasSuffix(o.Key, "/") {
				continue // a folder some tool has made
			}
			if !yield(dataset.Info{Key: strings.TrimPrefix(o.Key, s.prefix), Size: o.Size, ETag: strings.Trim(o.ETag, `"`)}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(dataset.Info{}, err)
		}
	}
}

// Delete implements [dataset.Store].
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.core.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{}); err != nil {
		if r := minio.ToErrorResponse(err); r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket {
			return nil
		}
		return s.fail("delete", key, err)
	}
	return nil
}

// String implements [dataset.Store].
func (s *S3) String() string { return strings.TrimSuffix("s3://"+s.bucket+"/"+s.prefix, "/") }
