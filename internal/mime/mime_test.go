package mime_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/paradiseftp/paradise/internal/mime"
)

const (
	png   = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	exe   = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"
	svg   = `<svg xmlns="http://www.w3.org/2000/svg"></svg>`
	html  = "<!DOCTYPE html><html></html>"
	words = "just words\n"
	other = "\x00\x01\x02"
	octet = "application/octet-stream"
)

func detect(head string) mime.Type { return mime.Detect([]byte(head)) }

func TestDetect(t *testing.T) {
	for head, want := range map[string]mime.Type{
		"":                    {},
		png:                   {"image/png", []string{octet}},
		"\xff\xd8\xff\xe0":    {"image/jpeg", []string{octet}},
		exe:                   {"application/vnd.microsoft.portable-executable", []string{octet}},
		svg:                   {"image/svg+xml", []string{"text/plain", octet}},
		html:                  {"text/html", []string{"text/plain", octet}},
		words:                 {"text/plain", []string{octet}},
		"PK\x03\x04":          {"application/zip", []string{octet}},
		"#!/bin/sh\necho\n":   {"text/x-shellscript", []string{"text/plain", octet}},
		other:                 {octet, nil},
		"\xef\xbb\xbfwords\n": {"text/plain", []string{octet}},
	} {
		assert.Equal(t, want, detect(head), "%q", head)
	}
}

func TestNamesAreBareAndLowerCase(t *testing.T) {
	for _, head := range []string{png, exe, svg, html, words, other} {
		d := detect(head)
		for _, name := range append(d.Ancestors, d.Name) {
			assert.Equal(t, strings.ToLower(name), name)
			assert.NotContains(t, name, ";")
		}
	}
}

func TestLists(t *testing.T) {
	for _, c := range []struct {
		head            string
		pattern         string
		allowed, denied bool
	}{
		{png, "image/png", true, true},
		{png, "IMAGE/PNG", true, true},
		{png, "image/*", true, true},
		{png, "*/*", true, true},
		{png, "*", false, false},
		{png, "image", false, false},
		{png, "image/pn", false, false},
		{png, "image/p*", false, false},
		{png, "image/jpeg", false, false},
		{png, "", false, false},
		{"image", "ima/*", false, false},

		// Ancestors count, but the one of all is denied only.
		{html, "text/plain", true, true},
		{html, "text/*", true, true},
		{png, octet, false, true},
		{png, "application/*", false, true},
		{other, octet, true, true},
		{other, "application/*", true, true},

		// SVG must be named to be allowed.
		{svg, "image/svg+xml", true, true},
		{svg, "image/*", false, true},
		{svg, "text/plain", false, true},
		{svg, "*/*", false, true},

		{"", octet, false, false},
		{"", "image/*", false, false},
		{"", "*/*", false, true},
	} {
		patterns := []string{"video/never", c.pattern}
		assert.Equal(t, c.allowed, detect(c.head).AllowedBy(patterns), "%q allowed by %q", c.head, c.pattern)
		assert.Equal(t, c.denied, detect(c.head).DeniedBy(patterns), "%q denied by %q", c.head, c.pattern)
	}
	assert.False(t, detect(png).AllowedBy(nil))
	assert.False(t, detect(png).DeniedBy(nil))
}

func TestExtensions(t *testing.T) {
	for _, c := range []struct {
		name, head string
		fits       bool
	}{
		{"a.png", png, true},
		{"a.PNG", png, true},
		{"a.b.png", png, true},
		{".png", png, true},
		{"a.jpg", png, false},
		{"a.png", exe, false},
		{"a.png.exe", png, false},
		{"a.png", "", false},
		{"a.docx", "PK\x03\x04", true},
		{"a.html", html, true},
		{"a.txt", html, true},
		{"a.html", words, false},
		{"a.json", `{"a":1}`, true},
		{"a.json", words, true},
		{"a.json", exe, false},

		// These say nothing.
		{"a.xyz", exe, true},
		{"png", exe, true},
		{"a.", exe, true},
		{"", exe, true},
		{"a.png/b", exe, true},
	} {
		assert.Equal(t, c.fits, detect(c.head).FitsExtension(c.name), "%q with %q", c.name, c.head)
	}
}
