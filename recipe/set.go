package recipe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// set overrides one key: "a.b=value", where the value is YAML, or nothing to take the key away. In a list, a number names an
// element, and a key the first element that has it: filter.language.min=0.8.
func (n *node) set(assignment string) error {
	source := "--set " + assignment
	path, value, ok := strings.Cut(assignment, "=")
	if !ok || path == "" {
		return Problems{{File: source, Line: 1, Column: 1, What: "must be KEY=VALUE, such as tune.train.lr=1e-4"}}
	}
	var leaf *node
	if strings.TrimSpace(value) != "" {
		var err error
		if leaf, err = parse(source, []byte(value)); err != nil {
			return err
		}
	}
	if err := n.assign(strings.Split(path, "."), leaf, source); err != nil {
		return Problems{{File: source, Line: 1, Column: 1, Key: path, What: err.Error()}}
	}
	return nil
}

// assign puts leaf at the end of a path, making mappings on the way; nil takes away what is there.
func (n *node) assign(path []string, leaf *node, source string) error {
	if len(path) > maxDepth {
		return fmt.Errorf("has too many parts")
	}
	if n.kind == null {
		n.kind = mapping
	}
	switch n.kind {
	case list:
		return n.assignItem(path, leaf, source)
	case mapping:
		key := path[0]
		if len(path) == 1 {
			n.put(key, leaf, source)
			return nil
		}
		if n.get(key) == nil {
			n.put(key, &node{file: source, line: 1, column: 1, kind: mapping}, source)
		}
		return n.get(key).assign(path[1:], leaf, source)
	}
	return fmt.Errorf("%q is below %s, which has no keys", path[0], n.kind)
}

// assignItem assigns below an element of a list, which a number or one of its keys names. An element whose only key is taken away
// goes with it.
func (n *node) assignItem(path []string, leaf *node, source string) error {
	i, err := strconv.Atoi(path[0])
	numbered := err == nil
	if !numbered {
		i = slices.IndexFunc(n.values, func(v *node) bool { return v.get(path[0]) != nil })
	}
	if i < 0 || i >= len(n.values) {
		return fmt.Errorf("the list of %d has no %q; a number from 0, or a key of an element, names one", len(n.values), path[0])
	}
	item := n.values[i]
	gone := leaf == nil && len(path) == 1 && (numbered || len(item.keys) == 1)
	switch {
	case gone:
		n.values = slices.Delete(n.values, i, i+1)
	case numbered && len(path) == 1:
		n.values[i] = leaf
	case numbered:
		return item.assign(path[1:], leaf, source)
	default:
		return item.assign(path, leaf, source)
	}
	return nil
}

// put sets a key of a mapping; nil takes it away.
func (n *node) put(key string, value *node, source string) {
	i := slices.Index(n.keys, key)
	switch {
	case i < 0 && value == nil:
	case i < 0:
		n.keys, n.values = append(n.keys, key), append(n.values, value)
		n.at = append(n.at, &node{file: source, line: 1, column: 1})
	case value == nil:
		n.keys, n.values, n.at = slices.Delete(n.keys, i, i+1), slices.Delete(n.values, i, i+1), slices.Delete(n.at, i, i+1)
	default:
		n.values[i] = value
	}
}
