package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// server is a running FTP server and the folder that it serves.
type server struct {
	name  string
	cmd   *exec.Cmd
	group *group
	addr  string
	root  string
	dir   string // all of its files
	done  chan error
}

// setup has the settings with which a server is started.
type setup struct {
	options
	root, tmp string
	port      int
	cert, key string // empty: no TLS
}

// passive is the range of ports for data connections.
const passive = "20000-29999"

// start starts a server by name and waits until it answers.
func (o options) start(name string, secure bool) (*server, error) {
	kind := kinds[name]
	if kind == nil {
		return nil, fmt.Errorf("no server is called %s", name)
	}
	dir, err := os.MkdirTemp(o.dir, "benchmark-")
	if err != nil {
		return nil, err
	}
	s := &server{name: name, dir: dir, root: filepath.Join(dir, "root"), done: make(chan error, 1)}
	set := setup{options: o, root: s.root, tmp: dir, port: freePort()}
	if err := errors.Join(os.Mkdir(s.root, 0o777), os.Chmod(dir, 0o755), os.Chmod(s.root, 0o777)); err != nil {
		return nil, err
	}
	if secure {
		set.cert, set.key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		if err := makeCertificate(set.cert, set.key); err != nil {
			return nil, err
		}
	}
	if s.cmd, err = kind(set); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s.addr = fmt.Sprintf("127.0.0.1:%d", set.port)
	s.cmd.Dir = dir
	return s, s.begin()
}

func (s *server) begin() (err error) {
	if s.group, err = newGroup(); err != nil {
		return err
	}
	s.group.enclose(s.cmd)
	if err := s.cmd.Start(); err != nil {
		s.group.end()
		os.RemoveAll(s.dir)
		return err
	}
	go func() { s.done <- s.cmd.Wait() }()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		s.stop()
		os.Exit(1)
	}()
	return s.ready()
}

// ready waits until a client can log in.
func (s *server) ready() error {
	var last error
	for range 100 {
		select {
		case err := <-s.done:
			s.group.end()
			os.RemoveAll(s.dir)
			return fmt.Errorf("%s ended: %v", s.name, err)
		case <-time.After(50 * time.Millisecond):
		}
		c, err := dial(s.addr, false, nil)
		if err == nil {
			c.quit()
			return nil
		}
		last = err
	}
	s.stop()
	return fmt.Errorf("%s does not serve: %w", s.name, last)
}

// stop ends the server and removes its files.
func (s *server) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.done:
	case <-time.After(3 * time.Second):
		s.cmd.Process.Kill()
		<-s.done
	}
	s.group.end()
	os.RemoveAll(s.dir)
}

func (s *server) cpu() float64 { return s.group.seconds() }

func (s *server) memory() float64 { return memoryKiB(s.cmd.Process.Pid) }

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 2121
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// makeCertificate writes a certificate and its key, of the same kind for all servers.
func makeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}
