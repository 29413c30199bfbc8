package monitor

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed assets
var embedded embed.FS

// assets are the page's files, ready to be sent.
type assets struct {
	files map[string]asset
	pages *template.Template
}

type asset struct {
	body []byte
	kind string
	etag string
}

// loadAssets panics only if this package has a bug, because the files are part of the
// program.
func loadAssets() assets {
	a := assets{files: make(map[string]asset)}
	a.pages = template.Must(template.ParseFS(embedded, "assets/*.html"))
	for _, name := range []string{"page.css", "page.js", "icon.svg"} {
		body, err := fs.ReadFile(embedded, "assets/"+name)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		a.files[name] = asset{body: body, kind: kindOf(name), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return a
}

// kindOf does not use the system's table of MIME types, which may be wrong or missing.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	default:
		return "image/svg+xml"
	}
}

func (h *Handler) asset(w http.ResponseWriter, r *http.Request) {
	f, ok := h.assets.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	hd := w.Header()
	hd.Set("Content-Type", f.kind)
	hd.Set("Cache-Control", "no-cache")
	hd.Set("Etag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

// index sends the page to browsers and the text form to all other clients.
func (h *Handler) index(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if !wantsHTML(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		h.hub.everybody().all.WriteText(w)
		return
	}
	var text bytes.Buffer
	h.hub.everybody().all.WriteText(&text)
	csrf := h.csrf(r)
	h.page(w, http.StatusOK, "page.html", map[string]any{
		"Text":   text.String(),
		"Tokens": h.keys.exist(),
		"Csrf":   csrf,
		"Act":    csrf != "" || h.authorize != nil && h.mayAct(r),
		"Drain":  h.drain != nil,
	})
}

// askToken sends the sign-in page to browsers and one line of text to all other clients.
func (h *Handler) askToken(w http.ResponseWriter, r *http.Request, code int, wrong string) {
	w.Header().Set("Vary", "Accept")
	if !wantsHTML(r) {
		plain(w, code, "The token is needed")
		return
	}
	h.page(w, code, "login.html", map[string]any{"Wrong": wrong})
}

func (h *Handler) page(w http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := h.assets.pages.ExecuteTemplate(&b, name, data); err != nil {
		h.log().Error("monitor: page", "error", err)
		plain(w, http.StatusInternalServerError, "The page could not be created")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
	w.WriteHeader(code)
	w.Write(b.Bytes())
}

// wantsHTML reports whether a client asks for HTML by name, as browsers do. Programs
// send just "*/*".
func wantsHTML(r *http.Request) bool {
	for _, value := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(value, ",") {
			kind, params, err := mime.ParseMediaType(part)
			if err != nil || kind != "text/html" && kind != "application/xhtml+xml" {
				continue
			}
			q, err := strconv.ParseFloat(params["q"], 64)
			if err != nil || q > 0 {
				return true
			}
		}
	}
	return false
}
