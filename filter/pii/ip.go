package pii

import (
	"net/netip"
	"strings"
)

// notGlobal are the ranges that no one person's traffic comes from: private, loopback, link-local, documentation,
// benchmarks, multicast, reserved, and the tunnels of old. Source: the IANA special-purpose address registries.
var notGlobal = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
	"240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

var global6 = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

func isGlobal(a netip.Addr) bool {
	if a.Is6() && !global6.Contains(a) {
		return false
	}
	for _, p := range notGlobal {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// ip4s finds global IPv4 addresses in dotted form. A part of a longer dotted number, a host name or a version (v1.2.3.4,
// "version 1.2.3.4", "go 1.2.3.4", pkg-1.2.3.4, pkg==1.2.3.4, 1.2.3.4-rc1) is none.
func (s *scan) ip4s() {
	for i := 0; ; i++ {
		n := strings.IndexByte(s.text[i:], '.')
		if n < 0 {
			return
		}
		i += n
		if i == 0 || !isDigit(s.text[i-1]) || !isDigit(s.at(i+1)) {
			continue
		}
		start, end := i, i
		for start > 0 && i-start <= 3 && isDigit(s.text[start-1]) {
			start--
		}
		for end < len(s.text) && end-start <= 16 && (isDigit(s.text[end]) || s.text[end] == '.' && isDigit(s.at(end+1))) {
			end++
		}
		if s.ip4(start, end) {
			s.add("ip", start, end)
		}
		i = end - 1
	}
}

func (s *scan) ip4(start, end int) bool {
	if end-start < 7 || end-start > 15 || strings.Count(s.text[start:end], ".") != 3 {
		return false
	}
	before, after := s.at(start-1), s.at(end)
	if s.wordBefore(start) || before == '.' || s.wordAt(end) {
		return false
	}
	if (after == '.' || after == '-' || after == '+') && s.wordAt(end+1) {
		return false
	}
	addr, err := netip.ParseAddr(s.text[start:end])
	return err == nil && isGlobal(addr) && !s.version(start)
}

// versionWords are words before a number that make it a version.
var versionWords = map[string]bool{
	"v": true, "ver": true, "version": true, "versions": true, "release": true, "released": true, "go": true,
	"python": true, "node": true, "java": true, "php": true, "ruby": true, "chrome": true, "firefox": true,
	"build": true, "firmware": true, "openssl": true, "kernel": true, "nginx": true, "safari": true, "edge": true, "driver": true, "oid": true,
	"sdk": true, "app": true, "patch": true, "bios": true, "rev": true, "revision": true, "article": true, "rule": true, "paragraph": true,
	"table": true, "figure": true, "section": true, "chapter": true, "clause": true, "upgrade": true, "update": true,
}

// version reports whether what stands before start says that a version number follows: a pin, a dash or slash after a
// name (pkg-1.2.3.4, Chrome/1.2.3.4), or one of versionWords.
func (s *scan) version(start int) bool {
	i := start
	switch c := s.at(i - 1); c {
	case '-', '@', '~', '^':
		return true
	case '/':
		j := i - 1
		for j > 0 && isLetter(s.text[j-1]) {
			j--
		}
		return j < i-1 && s.at(j-1) != '/' && s.at(j-1) != '.'
	case '=':
		return strings.IndexByte("=<>!~", s.at(i-2)) >= 0 && i >= 2
	}
	for i > 0 && start-i < 3 && strings.IndexByte(" \t:=\"'`.", s.text[i-1]) >= 0 {
		i--
	}
	j := i
	for j > 0 && i-j < 12 && isLetter(s.text[j-1]) {
		j--
	}
	return j < i && versionWords[strings.ToLower(s.text[j:i])]
}

// ip6s finds global IPv6 addresses. Two groups before a :: are asked for, so that words of code (a::b) and times stay.
func (s *scan) ip6s() {
	for i := 0; ; i++ {
		n := strings.IndexByte(s.text[i:], ':')
		if n < 0 {
			return
		}
		i += n
		if i < 4 || !isHex(s.text[i-1]) || !isHex(s.text[i-4]) || !isHex(s.at(i+1)) {
			continue
		}
		start, end := i-4, i
		for end < len(s.text) && end-start <= 46 && (isHex(s.text[end]) || s.text[end] == ':' || s.text[end] == '.') {
			end++
		}
		if end = s.ip6(start, end); end > 0 {
			s.add("ip", start, end)
			i = end - 1
		}
	}
}

// ip6 returns where the address that starts at start and lies within end ends, or 0.
func (s *scan) ip6(start, end int) int {
	if s.wordBefore(start) || s.at(start-1) == ':' || s.wordAt(end) {
		return 0
	}
	for end > start && (s.text[end-1] == '.' || s.text[end-1] == ':' && s.text[end-2] != ':') {
		end--
	}
	text := s.text[start:end]
	if strings.Count(text, ":") < 3 {
		return 0
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !isGlobal(addr) {
		return 0
	}
	return end
}

func isHex(c byte) bool { return isDigit(c) || c|0x20-'a' < 6 }
