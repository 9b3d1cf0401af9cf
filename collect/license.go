package collect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// maxLicense bounds the bytes of a license that are looked at.
const maxLicense = 128 << 10

// isLicense reports whether a file's name is a license's.
func isLicense(name string) bool {
	switch base, _, _ := strings.Cut(strings.ToUpper(path.Base(name)), "."); base {
	case "LICENSE", "LICENCE", "COPYING", "UNLICENSE", "LICENSE-MIT", "LICENSE-APACHE", "COPYING-LESSER":
		return true
	}
	return false
}

// licenses finds the licenses of the folders of a tree, by the paths of license files.
func licenses(ctx context.Context, files Files, uris []string) (map[string]string, error) {
	found := map[string]string{}
	for _, uri := range uris {
		obj, err := files.Open(ctx, uri)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(io.NewSectionReader(obj, 0, min(obj.Info().Size, maxLicense)))
		obj.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", uri, err)
		}
		if id := licenseOf(b); id != "" {
			dir := path.Dir(uri)
			if old := found[dir]; old != "" && old != id { // the reader may choose
				id = old + " OR " + id
			}
			found[dir] = id
		}
	}
	return found, nil
}

// above is the license of the nearest folder that has one.
func above(found map[string]string, uri string) string {
	for dir := path.Dir(uri); ; dir = path.Dir(dir) {
		if id := found[dir]; id != "" || dir == path.Dir(dir) {
			return id
		}
	}
}

// texts are phrases that tell a license from all others, as words in lower case; all of one must be there, and the first license wins.
var texts = []struct {
	id      string
	phrases []string
}{
	{"AGPL-3.0", []string{"gnu affero general public license", "version 3 19 november 2007"}},
	{"LGPL-3.0", []string{"gnu lesser general public license", "version 3 29 june 2007"}},
	{"LGPL-2.1", []string{"gnu lesser general public license", "version 2 1 february 1999"}},
	{"GPL-3.0", []string{"gnu general public license", "version 3 29 june 2007"}},
	{"GPL-2.0", []string{"gnu general public license", "version 2 june 1991"}},
	{"Apache-2.0", []string{"apache license", "version 2 0 january 2004"}},
	{"MPL-2.0", []string{"mozilla public license version 2 0"}},
	{"EPL-2.0", []string{"eclipse public license v 2 0"}},
	{"CC0-1.0", []string{"cc0 1 0 universal"}},
	{"CC-BY-SA-4.0", []string{"attribution sharealike 4 0 international"}},
	{"CC-BY-4.0", []string{"attribution 4 0 international"}},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}},
	{"BSL-1.0", []string{"boost software license version 1 0"}},
	{"MIT", []string{"permission is hereby granted free of charge to any person obtaining a copy", "the above copyright notice and this permission notice shall be included in all copies or substantial portions of the software"}},
	{"BSD-4-Clause", []string{"redistribution and use in source and binary forms", "all advertising materials mentioning features or use of this software must display"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "endorse or promote products derived from this software"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms", "redistributions in binary form must reproduce the above copyright notice"}},
	{"ISC", []string{"permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted", "the above copyright notice and this permission notice appear in all copies"}},
	{"ISC", []string{"permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted", "the above copyright notice and this permission notice appear in all copies"}},
	{"0BSD", []string{"permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted"}},
	{"Zlib", []string{"this software is provided as is without any express or implied warranty", "altered source versions must be plainly marked as such"}},
}

// wordsOf is the words of a text, in lower case, with one space around each.
func wordsOf(b []byte) string {
	var out strings.Builder
	out.WriteByte(' ')
	for w := range bytes.FieldsFuncSeq(bytes.ToLower(b), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') }) {
		out.Write(w)
		out.WriteByte(' ')
	}
	return out.String()
}

// licenseOf is the SPDX identifier of the license that a text is, or "". The texts of the GNU licenses do not say "or later": that is
// said in the files under them.
func licenseOf(b []byte) string {
	if tag := spdxTag(b); tag != "" {
		return tag
	}
	text := wordsOf(b)
	for _, l := range texts {
		all := true
		for _, p := range l.phrases {
			all = all && strings.Contains(text, " "+p+" ")
		}
		if !all {
			continue
		}
		if strings.Contains(l.id, "GPL") {
			return l.id + "-only"
		}
		return l.id
	}
	return ""
}

// A tag as it stands in a comment. Source: SPDX 2.3, annex E.
var spdx = regexp.MustCompile(`SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]{1,200}[A-Za-z0-9.+)])`)

// spdxTag is the license a file says it has, in its first 4 KiB, or "".
func spdxTag(b []byte) string {
	if m := spdx.FindSubmatch(b[:min(len(b), 4<<10)]); m != nil {
		return strings.TrimSpace(strings.TrimSuffix(string(m[1]), "-->"))
	}
	return ""
}
