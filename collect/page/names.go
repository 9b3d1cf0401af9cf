package page

import (
	"strings"
	"unicode"

	"golang.org/x/net/html/atom"
)

// aside are the words in names of elements that hold what is not the main text.
var aside = set(" ", "ad ads adv advert advertisement advertising adbox sponsor sponsored promo promoted promotion comment comments disqus "+
	"reply replies share shares sharing sharebar sharedaddy social socials follow related recommended recommendation "+
	"recommendations sidebar rail aside nav navbar navigation menu breadcrumb breadcrumbs footer cookie cookies gdpr consent "+
	"banner popup modal overlay newsletter signup subscribe subscription paywall login register tags tag taglist keywords "+
	"byline author authors bio timestamp dateline published pubdate meta metadata postmeta caption captions figcaption "+
	"credit credits gallery slideshow carousel pagination pager toolbar tools widget widgets outbrain taboola trending "+
	"popular mostpopular topstories jumpto toc print email copyright legal disclaimer poll survey rating ratings hidden sr "+
	"screenreader skip video player photo image thumbnail search masthead more readmore callout pullquote teaser teasers "+
	"upsell inline inset interstitial")

// within are longer parts of names that mean the same wherever they stand.
var within = []string{"newsletter", "sidebar", "related", "recommend", "comment", "share", "sharing", "social", "advert", "sponsor", "promo", "breadcrumb", "cookie", "subscri",
	"byline", "caption", "outbrain", "taboola", "footer", "popular", "trending", "navigation", "disqus", "hidden", "print-only", "signup", "sign-up"}

// body are parts of the names of elements that hold the main text.
var body = []string{"articlebody", "article-body", "article_body", "article__body", "article-content", "article__content", "article-text", "articletext", "entry-content", "entry-body", "post-content", "post-body", "postbody",
	"post_content", "story-body", "storybody", "story-content", "story_body", "story-text", "content-body", "content__body", "body-content", "page-content", "main-content", "td-post-content", "news-body", "newsbody"}

func set(sep, list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.SplitSeq(list, sep) {
		m[strings.TrimSpace(w)] = true
	}
	return m
}

// isAside reports whether an element's name says that it holds what is not the main text.
func isAside(names string) bool {
	for _, p := range within {
		if strings.Contains(names, p) {
			return true
		}
	}
	for w := range strings.FieldsFuncSeq(names, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if aside[w] {
			return true
		}
	}
	return false
}

// isBody reports whether an element's name says that it holds the main text.
func isBody(names string) bool {
	for _, p := range body {
		if strings.Contains(names, p) {
			return true
		}
	}
	return false
}

// pruned are the elements that hold no main text.
var pruned = map[atom.Atom]bool{atom.Nav: true, atom.Aside: true, atom.Footer: true, atom.Figcaption: true, atom.Menu: true}

// unpruned are the elements that are left out only with those around them.
var unpruned = map[atom.Atom]bool{atom.Body: true, atom.Article: true, atom.Main: true, atom.A: true, atom.Tbody: true, atom.Tr: true, atom.Td: true, atom.Th: true}

// notices are the lines that stand in texts and are none of them, and what such lines begin with. They are short.
var (
	notices = set("|", "advert|advertisement|advertisements|ad|ads|sponsored|comments|comment|share|share this|tweet|email|print|related|related news|related articles|related stories|"+
		"read more|read next|see also|more|next|previous|loading|loading...|don't miss|you may also like|you might also like|recommended|most read|trending|trending now|subscribe|sign up|"+
		"sign in|log in|follow us|back to top|learn more|click here|watch more|continue reading|leave a comment|leave a reply|post a comment|story continues below advertisement|"+
		"article continues below advertisement|tell us what you think|something to consider|iklan|anzeige|publicité|publicidad|publicidade|реклама")
	notice = []string{"like this story?", "sign up for ", "sign up to ", "subscribe to ", "follow us on ", "share this ", "read more:", "related:", "read also:", "see also:", "you may also like", "more great ", "click here to ", "click here for ",
		"get the latest ", "listen to ", "also read:", "photo:", "photos:", "image:", "filed under", "tags:", "tagged:", "posted in", "posted by", "advertisement", "don't miss", "copyright ©", "© ", "all rights reserved", "image credit"}
)

// isNotice reports whether a line is one of the page's, not of its text.
func isNotice(line string) bool {
	if len(line) > 160 {
		return false
	}
	line = strings.ToLower(strings.ReplaceAll(line, "’", "'"))
	if notices[strings.Trim(line, " .:…!?»>")] {
		return true
	}
	for _, p := range notice {
		if strings.HasPrefix(line, p) {
			return true
		}
	}
	return false
}
