package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"temper/dataset"
)

// Hub is the files of dataset repositories of a Hugging Face hub, by addresses hf://datasets/OWNER/NAME[@REVISION][/PATH]. They are
// fetched as by [Web].
type Hub struct {
	endpoint string
	web      *Web
}

// NewHub returns the hub at an endpoint; "" is https://huggingface.co. The token may be "". What was fetched is kept in a folder.
func NewHub(endpoint, token, folder string) *Hub {
	if endpoint = strings.TrimSuffix(endpoint, "/"); endpoint == "" {
		endpoint = "https://huggingface.co"
	}
	h := &Hub{endpoint: endpoint, web: &Web{Folder: folder, Trusted: endpoint}}
	if token != "" {
		h.web.Header = map[string]string{"Authorization": "Bearer " + token}
	}
	return h
}

// A place is a file or folder of a repository.
type place struct{ repo, revision, path string }

// parsePlace reads an hf:// address.
func parsePlace(address string) (p place, err error) {
	parts := strings.SplitN(strings.TrimPrefix(address, "hf://"), "/", 4)
	if !strings.HasPrefix(address, "hf://datasets/") || len(parts) < 3 || parts[1] == "" || parts[2] == "" {
		return p, fmt.Errorf("%q is no address of a dataset: write hf://datasets/OWNER/NAME, with @REVISION and /PATH if wanted", address)
	}
	name, revision, _ := strings.Cut(parts[2], "@")
	p = place{repo: parts[1] + "/" + name, revision: revision}
	if p.revision == "" {
		p.revision = "main"
	}
	if len(parts) == 4 {
		p.path = strings.Trim(parts[3], "/")
	}
	return p, nil
}

// escaped is a path as a part of an address.
func escaped(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

const (
	maxPages   = 10_000   // of a listing
	maxListing = 64 << 20 // bytes of one page
)

// List implements [Files].
func (h *Hub) List(ctx context.Context, root string) iter.Seq2[FileInfo, error] {
	return func(yield func(FileInfo, error) bool) {
		p, err := parsePlace(root)
		if err != nil {
			yield(FileInfo{}, err)
			return
		}
		base := strings.TrimSuffix(root, "/")
		if p.path != "" {
			base = strings.TrimSuffix(base, "/"+p.path)
		}
		files, err := h.tree(ctx, p)
		if err != nil {
			yield(FileInfo{}, err)
			return
		}
		for _, f := range files {
			h.web.again(h.address(place{p.repo, p.revision, f.Path}))
			if !yield(FileInfo{URI: base + "/" + f.Path, Size: f.Size}, nil) {
				return
			}
		}
	}
}

// An entry is one of a listing.
type entry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// tree lists the files below a place, sorted. A place that is a file is found in the listing of its folder.
func (h *Hub) tree(ctx context.Context, p place) ([]entry, error) {
	list := func(path string) ([]entry, error) {
		next := h.endpoint + "/api/datasets/" + escaped(p.repo) + "/tree/" + url.PathEscape(p.revision)
		if path != "" {
			next += "/" + escaped(path)
		}
		next += "?recursive=true"
		var all []entry
		for range maxPages {
			var page []entry
			var err error
			if page, next, err = h.page(ctx, next); err != nil {
				return nil, err
			}
			if all = append(all, page...); next == "" || len(all) > maxFiles {
				break
			}
		}
		return slices.DeleteFunc(all, func(e entry) bool { return e.Type != "file" }), nil
	}
	files, err := list(p.path)
	if p.path != "" && (err != nil || len(files) == 0) {
		dir, _, _ := cutLast(p.path)
		var all []entry
		if all, err = list(dir); err == nil {
			files = slices.DeleteFunc(all, func(e entry) bool { return e.Path != p.path })
		}
	}
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("hf://datasets/%s@%s/%s: %w", p.repo, p.revision, p.path, fs.ErrNotExist)
	}
	slices.SortFunc(files, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	return files, err
}

// cutLast cuts a path before its last part.
func cutLast(path string) (dir, name string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// page is one page of a listing, and the address of the next.
func (h *Hub) page(ctx context.Context, address string) (files []entry, next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	res, err := h.web.do(req)
	if err != nil {
		return nil, "", fmt.Errorf("hub (HF_ENDPOINT): %w", err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, "", fmt.Errorf("hub: %s: %w", address, fs.ErrNotExist)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, "", fmt.Errorf("hub: %s: %s: the dataset may not be there, or want a token (HF_TOKEN): %w", address, res.Status, ErrForbidden)
	default:
		return nil, "", fmt.Errorf("hub: %s: %s", address, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxListing)).Decode(&files); err != nil {
		return nil, "", fmt.Errorf("hub: %s: %w", address, err)
	}
	for _, link := range strings.Split(res.Header.Get("Link"), ",") {
		if to, rel, ok := strings.Cut(link, ";"); ok && strings.Contains(rel, `rel="next"`) {
			u, err := req.URL.Parse(strings.Trim(strings.TrimSpace(to), "<>"))
			if err != nil || !h.web.trusts(u) {
				return nil, "", fmt.Errorf("hub: %s goes on at %q, which is elsewhere", address, to)
			}
			next = u.String()
		}
	}
	return files, next, nil
}

// Open implements [Files].
func (h *Hub) Open(ctx context.Context, uri string) (dataset.Object, error) {
	p, err := parsePlace(uri)
	if err != nil {
		return nil, err
	}
	return h.web.Open(ctx, h.address(p))
}

// address is where the hub has a file.
func (h *Hub) address(p place) string {
	return h.endpoint + "/datasets/" + escaped(p.repo) + "/resolve/" + url.PathEscape(p.revision) + "/" + escaped(p.path)
}
