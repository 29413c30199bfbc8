package monitor

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	cookieName = "paradise_monitor"
	csrfHeader = "X-Paradise-Csrf"
	signedIn   = 12 * time.Hour
)

// keys checks tokens and cookies. Its signatures depend on the token alone, so that a
// sign-in survives a restart of the server.
type keys struct{ token []byte }

func newKeys(token string) keys { return keys{token: []byte(token)} }

func (k keys) exist() bool { return len(k.token) > 0 }

// is reports whether token is the right one. It compares in constant time.
func (k keys) is(token string) bool {
	a, b := sha256.Sum256(k.token), sha256.Sum256([]byte(token))
	return k.exist() && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// sign returns a signature that is valid for one purpose and content only.
func (k keys) sign(purpose, content string) string {
	m := hmac.New(sha256.New, k.token)
	m.Write([]byte("paradise monitor " + purpose + "\x00" + content))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// cookie returns the value of a cookie that is valid until end.
func (k keys) cookie(end time.Time) string {
	until := strconv.FormatInt(end.Unix(), 10)
	return until + "." + k.sign("cookie", until)
}

func (k keys) validCookie(value string, now time.Time) bool {
	until, proof, ok := strings.Cut(value, ".")
	if !ok || !k.exist() || !hmac.Equal([]byte(proof), []byte(k.sign("cookie", until))) {
		return false
	}
	end, err := strconv.ParseInt(until, 10, 64)
	return err == nil && now.Unix() < end
}

// standing says how a request proved that it knows the token.
type standing int

const (
	stranger standing = iota
	viaCookie
	viaToken
)

// standing checks the token and the cookie of a request. A request with a wrong token
// is a stranger's, even if its cookie is valid.
func (h *Handler) standing(r *http.Request) standing {
	if auth := r.Header.Get("Authorization"); auth != "" {
		scheme, token, _ := strings.Cut(auth, " ")
		if strings.EqualFold(scheme, "Bearer") && h.keys.is(strings.TrimSpace(token)) {
			return viaToken
		}
		return stranger
	}
	if c, err := r.Cookie(cookieName); err == nil && h.keys.validCookie(c.Value, time.Now()) {
		return viaCookie
	}
	return stranger
}

// csrf returns the proof that the page must send together with its cookie. It is empty
// if the request has no valid cookie.
func (h *Handler) csrf(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil || h.standing(r) != viaCookie {
		return ""
	}
	return h.keys.sign("csrf", c.Value)
}

// reading passes on requests with read access and refuses the others.
func (h *Handler) reading(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case h.authorize != nil && !h.mayRead(r):
			refuseReader(w)
		case h.authorize != nil, isLocal(r), h.standing(r) != stranger:
			next(w, r)
		case !h.keys.exist():
			plain(w, http.StatusForbidden, "Only this machine may read: the monitor has no token")
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="paradise monitor"`)
			h.askToken(w, r, http.StatusUnauthorized, "")
		}
	}
}

// acting lets those in who may act: by the host program's word, the token itself,
// which no foreign page knows, or the cookie and the proof that our own page sends it.
func (h *Handler) acting(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case h.authorize != nil && h.mayAct(r):
			next(w, r)
			return
		case h.authorize != nil:
			refuseActor(w)
			return
		case !h.keys.exist():
			plain(w, http.StatusForbidden, "There are no actions: the monitor has no token")
			return
		}
		switch h.standing(r) {
		case viaToken:
			next(w, r)
		case viaCookie:
			if !hmac.Equal([]byte(r.Header.Get(csrfHeader)), []byte(h.csrf(r))) {
				plain(w, http.StatusForbidden, "The request did not come from the monitor's page")
				return
			}
			next(w, r)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="paradise monitor"`)
			plain(w, http.StatusUnauthorized, "The token is needed")
		}
	}
}

// login takes the token from the form and sets the cookie.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	if !h.keys.exist() {
		plain(w, http.StatusForbidden, "There is nothing to sign in to: the monitor has no token")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		plain(w, http.StatusBadRequest, "The form could not be read")
		return
	}
	if !h.keys.is(strings.TrimSpace(r.PostForm.Get("token"))) {
		h.log().Warn("monitor: sign-in with a wrong token", "remote", r.RemoteAddr)
		h.askToken(w, r, http.StatusUnauthorized, "That is not the token.")
		return
	}
	h.log().Info("monitor: signed in", "remote", r.RemoteAddr)
	h.setCookie(w, r, h.keys.cookie(time.Now().Add(signedIn)), int(signedIn/time.Second))
	h.back(w)
}

func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	h.setCookie(w, r, "", -1)
	h.back(w)
}

func (h *Handler) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// back redirects to the page. http.Redirect would turn the path into an absolute one,
// which is wrong if the monitor is mounted below a prefix.
func (h *Handler) back(w http.ResponseWriter) {
	w.Header().Set("Location", "./")
	w.WriteHeader(http.StatusSeeOther)
}
