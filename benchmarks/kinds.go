package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// kinds says how to configure each server: logs and limits are off and passwords cost
// nothing, so that the measurements are about FTP.
var kinds = map[string]func(setup) (*exec.Cmd, error){
	"paradise": paradise, "vsftpd": vsftpd, "proftpd": proftpd,
	"pure-ftpd": pureFTPd, "pyftpdlib": pyftpdlib, "goftp": goftp,
}

// errMissing means that a server is not installed. It is left out then.
var errMissing = errors.New("not installed: see benchmarks/peers")

// hash is the password in the format of traditional crypt(3).
const hash = "abNANd1rDfiNc"

func paradise(s setup) (*exec.Cmd, error) {
	binary := s.binary
	if binary == "" {
		binary = filepath.Join(os.TempDir(), "paradise-benchmarked")
		build := exec.Command("go", "build", "-o", binary, "./paradise")
		build.Dir = filepath.Join("..", "examples")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("building paradise (run this in its benchmarks folder): %w", err)
		}
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	args := []string{"-addr", s.listen(), "-root", s.root, "-user", account + ":" + password, "-monitor", "",
		"-passive-ports", passive, "-abuse-limits", "off", "-log-level", "warn"}
	if s.cert != "" {
		args = append(args, "-tls-cert", s.cert, "-tls-key", s.key, "-tls-policy", "optional")
	}
	return exec.Command(binary, args...), nil
}

func goftp(s setup) (*exec.Cmd, error) {
	self, err := os.Executable()
	return exec.Command(self, "goftp", "--", strconv.Itoa(s.port), s.root, passive, s.cert, s.key), err
}

func vsftpd(s setup) (*exec.Cmd, error) {
	binary, err := s.find("vsftpd/usr/sbin/vsftpd")
	if err != nil {
		return nil, err
	}
	low, high, _ := strings.Cut(passive, "-")
	conf := fmt.Sprintf("listen=YES\nlisten_ipv6=NO\nlisten_address=127.0.0.1\nlisten_port=%d\nbackground=NO\n"+
		"pam_service_name=ftpbench\nanonymous_enable=NO\nlocal_enable=YES\nlocal_root=%s\nwrite_enable=YES\n"+
		"chroot_local_user=YES\nallow_writeable_chroot=YES\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n"+
		"session_support=NO\nmax_clients=0\nmax_per_ip=0\nidle_session_timeout=3600\npasv_min_port=%s\npasv_max_port=%s\n"+
		"xferlog_enable=NO\nsecure_chroot_dir=/var/run/vsftpd/empty\n", s.port, s.root, low, high)
	if s.cert != "" {
		conf += "ssl_enable=YES\nforce_local_data_ssl=NO\nforce_local_logins_ssl=NO\nrequire_ssl_reuse=NO\n" +
			"ssl_ciphers=HIGH\nrsa_cert_file=" + s.cert + "\nrsa_private_key_file=" + s.key + "\n"
	}
	file, err := s.config("vsftpd.conf", conf)
	return exec.Command(binary, file), errors.Join(err, os.MkdirAll("/var/run/vsftpd/empty", 0o755), s.own())
}

func proftpd(s setup) (*exec.Cmd, error) {
	binary, err := s.find("proftpd/usr/sbin/proftpd")
	if err != nil {
		return nil, err
	}
	passwd, perr := s.passwd("proftpd.passwd", "::"+s.root+":/bin/bash\n")
	conf := fmt.Sprintf("ModulePath %s/proftpd/usr/lib/proftpd\nModuleControlsACLs insmod,rmmod deny user *\n%s"+
		"ServerName bench\nServerType standalone\nDefaultServer on\nUseIPv6 off\nDefaultAddress 127.0.0.1\nPort %d\n"+
		"SocketBindTight on\nUser nobody\nGroup nogroup\nMaxInstances none\nUseReverseDNS off\nWtmpLog off\n"+
		"TransferLog none\nSystemLog none\nPidFile %[4]s/pid\nScoreboardFile %[4]s/scoreboard\nDelayEngine off\n"+
		"AuthPAM off\nAuthOrder mod_auth_file.c\nAuthUserFile %s\nRequireValidShell off\nRootLogin off\nDefaultRoot ~\n"+
		"AllowOverwrite on\nListOptions \"-a\" maxfiles 1000000\nTimeoutIdle 3600\nTimeoutNoTransfer 3600\nPassivePorts %s\n",
		s.peers, s.ifTLS("LoadModule mod_tls.c\n"), s.port, s.tmp, passwd, strings.ReplaceAll(passive, "-", " "))
	conf += s.ifTLS("TLSEngine on\nTLSRequired off\nTLSECCertificateFile " + s.cert +
		"\nTLSECCertificateKeyFile " + s.key +
		"\nTLSOptions NoSessionReuseRequired\nTLSVerifyClient off\n")
	file, err := s.config("proftpd.conf", conf)
	return exec.Command(binary, "--nodaemon", "--config", file), errors.Join(err, perr, s.own())
}

func pureFTPd(s setup) (*exec.Cmd, error) {
	binary, err := s.find("pure-ftpd/usr/sbin/pure-ftpd")
	if err != nil {
		return nil, err
	}
	passwd, perr := s.passwd("pure.passwd", "::"+s.root+"/./::::::::::::\n")
	db := filepath.Join(s.tmp, "pure.pdb")
	makeDB := exec.Command(filepath.Join(s.peers, "pure-ftpd/usr/bin/pure-pw"), "mkdb", db, "-f", passwd)
	err = errors.Join(perr, s.own(), makeDB.Run(), os.MkdirAll("/var/run/pure-ftpd", 0o755))
	args := []string{"--bind", strings.ReplaceAll(s.listen(), ":", ","), "--ipv4only", "--noanonymous", "--chrooteveryone",
		"--dontresolve",
		"--maxclientsnumber", "30000", "--maxclientsperip", "30000", "--maxidletime", "60", "--passiveportrange",
		strings.ReplaceAll(passive, "-", ":"), "--limitrecursion", "1000000:10", "--login", "puredb:" + db, "--minuid", "1",
		"--syslogfacility", "none", "--pidfile", filepath.Join(s.tmp, "pure.pid")}
	if s.cert != "" {
		key, kerr := os.ReadFile(s.key)
		cert, cerr := os.ReadFile(s.cert)
		file, ferr := s.config("pure.pem", string(key)+string(cert))
		err = errors.Join(err, kerr, cerr, ferr)
		args = append(args, "--tls", "1", "--certfile", file)
	}
	return exec.Command(binary, args...), err
}

func pyftpdlib(s setup) (*exec.Cmd, error) {
	path, err := s.find("pyftpdlib/usr/lib/python3/dist-packages")
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs("pyserver.py")
	cmd := exec.Command("/usr/bin/python3", script, strconv.Itoa(s.port), s.root, passive, s.cert, s.key)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+path)
	return cmd, err
}

func (s setup) listen() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s setup) ifTLS(text string) string {
	if s.cert == "" {
		return ""
	}
	return text
}

// find returns the path of a file of another server.
func (s setup) find(name string) (string, error) {
	path := filepath.Join(s.peers, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", errMissing
	}
	return path, nil
}

func (s setup) config(name, text string) (string, error) {
	path := filepath.Join(s.tmp, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// passwd writes the account for the daemons that have their own password file.
func (s setup) passwd(name, rest string) (string, error) {
	u, err := user.Lookup(account)
	if err != nil {
		return "", err
	}
	return s.config(name, account+":"+hash+":"+u.Uid+":"+u.Gid+rest)
}

// own makes the account to which the daemons switch the owner of the folder.
func (s setup) own() error {
	u, err := user.Lookup(account)
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return os.Chown(s.root, uid, gid)
}
