package s3server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A Kind is a server program. Its text is the name of the program's binary.
type Kind string

// The servers. See the package comment for how they differ.
const (
	VersityGW Kind = "versitygw"
	MinIO     Kind = "minio"
)

// Kinds returns all servers.
func Kinds() []Kind { return []Kind{VersityGW, MinIO} }

// ErrNotBuilt says that the server's binary does not exist.
var ErrNotBuilt = errors.New("not built yet: run `make tools`")

// Limits of starting a server.
const (
	startTimeout  = 60 * time.Second // a busy machine is slow, not broken
	startAttempts = 5
	probeInterval = 20 * time.Millisecond
)

// Options adjust a server.
type Options struct {
	// TLS serves https with a certificate of a private authority: see Server.CAFile.
	TLS bool
	// Log, if set, receives what the server prints.
	Log io.Writer
}

// A Server is a running server process with one user who may do everything.
type Server struct {
	Kind      Kind
	Endpoint  string // http(s)://127.0.0.1:port
	Region    string
	AccessKey string
	SecretKey string
	// CAFile is the PEM file of the authority that signed the server's
	// certificate; empty without TLS.
	CAFile string

	dir    string
	bin    string
	stop   func()
	ended  <-chan struct{} // closed when the process is gone
	output *head
}

// Run starts a server that keeps its data below dir and returns when the server
// responds. The server ends with ctx, by Close, and on Linux also when this process
// dies.
func Run(ctx context.Context, kind Kind, dir string, opts Options) (*Server, error) {
	bin, err := binary(kind)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Kind:      kind,
		Region:    "us-east-1",
		AccessKey: "AK" + random(9),
		SecretKey: random(20),
		dir:       dir,
		bin:       bin,
	}
	if opts.TLS {
		if s.CAFile, err = writeCertificates(s.path("certs")); err != nil {
			return nil, err
		}
	}
	for range startAttempts {
		if err = s.start(ctx, opts); err == nil || !errors.Is(err, errEnded) {
			break // only a lost race for the port is retried
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return s, nil
}

// errEnded: the server process ended instead of serving.
var errEnded = errors.New("the server ended at once")

// start starts the process on a port that was free a moment ago.
func (s *Server) start(ctx context.Context, opts Options) error {
	addr, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	scheme := "http"
	if opts.TLS {
		scheme = "https"
	}
	s.Endpoint = scheme + "://" + addr
	cmd, err := s.command(addr)
	if err != nil {
		return err
	}
	s.output = &head{}
	cmd.Stdout = s.output
	if opts.Log != nil {
		cmd.Stdout = io.MultiWriter(s.output, opts.Log)
	}
	cmd.Stderr = cmd.Stdout

	runCtx, cancel := context.WithCancel(ctx)
	s.stop = cancel
	if s.ended, err = StartProcess(cmd); err != nil {
		cancel()
		return err
	}
	context.AfterFunc(runCtx, func() { _ = cmd.Process.Kill() }) // fails only if the process has ended by itself
	if err := s.awaitReady(ctx); err != nil {
		s.Close()
		return err
	}
	return nil
}

// StartProcess starts a command, and returns a channel that is closed when it has ended. The
// command must not be waited for otherwise. With ProcessAttributes the process dies with this
// one, on Linux.
func StartProcess(cmd *exec.Cmd) (ended <-chan struct{}, err error) {
	started, gone := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		// The signal that ends the process with its parent is tied to the thread that
		// started it: keep that thread until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // cmd.ProcessState says how it ended
		}
	}()
	return gone, <-started
}

// command returns the command that serves on addr.
func (s *Server) command(addr string) (*exec.Cmd, error) {
	data := s.path("data")
	if err := mkdirs(data, s.path("home")); err != nil {
		return nil, err
	}
	var args, env []string
	switch s.Kind {
	case VersityGW:
		versions, sidecar := s.path("versions"), s.path("sidecar")
		if err := mkdirs(versions, sidecar); err != nil {
			return nil, err
		}
		args = []string{"--port", addr, "--region", s.Region, "--quiet", "--keep-alive"}
		if s.CAFile != "" {
			args = append(args, "--cert", s.path("certs", "public.crt"), "--key", s.path("certs", "private.key"))
		}
		args = append(args, "posix", "--versioning-dir", versions)
		if !keepsAttributes(data) {
			args = append(args, "--sidecar", sidecar)
		}
		args = append(args, data)
		env = []string{"ROOT_ACCESS_KEY_ID=" + s.AccessKey, "ROOT_SECRET_ACCESS_KEY=" + s.SecretKey}
	case MinIO:
		args = []string{"server", "--quiet", "--address", addr}
		if s.CAFile != "" {
			args = append(args, "--certs-dir", s.path("certs"))
		}
		args = append(args, data)
		env = []string{
			"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey,
			"MINIO_REGION=" + s.Region, "MINIO_BROWSER=off", "MINIO_UPDATE=off",
			// A key lets the server encrypt with SSE-S3 and SSE-KMS.
			"MINIO_KMS_SECRET_KEY=test-key:" + base64.StdEncoding.EncodeToString(randomBytes(32)),
		}
	default:
		return nil, fmt.Errorf("unknown server %q", s.Kind)
	}
	cmd := exec.Command(s.bin, args...)
	// The server must not see settings of the caller's environment.
	cmd.Env = append(env, "HOME="+s.path("home"), "TMPDIR="+os.TempDir(), "PATH="+os.Getenv("PATH"))
	cmd.Dir = s.dir
	cmd.SysProcAttr = ProcessAttributes()
	return cmd, nil
}

// awaitReady returns when the server accepts a request signed with its keys. No other
// program that got the port could accept it.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	client := s.Client()
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		_, err := client.ListBuckets(ctx, &s3.ListBucketsInput{}, func(o *s3.Options) { o.RetryMaxAttempts = 1 })
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%w; it printed:\n%s", errEnded, s.output)
		case <-ctx.Done():
			return fmt.Errorf("no answer on %s: %w; it printed:\n%s", s.Endpoint, err, s.output)
		case <-tick.C:
		}
	}
}

// Close ends the server and waits until it has ended. Its data remain.
func (s *Server) Close() {
	s.stop()
	<-s.ended
}

// Client returns a client of the server with the rights of its user.
func (s *Server) Client() *s3.Client {
	return s.clientWith(credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""))
}

func (s *Server) clientWith(creds aws.CredentialsProvider) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint:               aws.String(s.Endpoint),
		Region:                     s.Region,
		Credentials:                creds,
		UsePathStyle:               true,
		HTTPClient:                 s.httpClient(),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

func (s *Server) httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     tlsConfig(s.CAFile),
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Second,
	}}
}

// path is a path below the server's directory.
func (s *Server) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

func mkdirs(dirs ...string) error {
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// Program returns the path of another program of tools/versions.mk. The error is
// ErrNotBuilt if there is none.
func Program(name string) (string, error) { return binary(Kind(name)) }

// binary returns the path of a server's program: in the folder S3SYNC_TOOLS, or in
// .cache/bin of the module that contains the current directory.
func binary(kind Kind) (string, error) {
	dir := os.Getenv("S3SYNC_TOOLS")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, ".cache", "bin")
	}
	name := filepath.Join(dir, string(kind))
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if _, err := os.Stat(name); err != nil {
		return "", fmt.Errorf("%s %w", kind, ErrNotBuilt)
	}
	return filepath.Abs(name)
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("go.mod: %w", fs.ErrNotExist)
		}
		dir = parent
	}
}

// freeAddress returns a loopback address that is free at the moment.
func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	return addr, l.Close()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// random returns 2n random letters and digits.
func random(n int) string { return hex.EncodeToString(randomBytes(n)) }

// A head keeps the beginning of the server's output, which says why it could not start.
type head struct {
	mu sync.Mutex

	buf     bytes.Buffer
	dropped int
}

const maxOutput = 16 << 10

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	keep := p[:min(len(p), maxOutput-h.buf.Len())]
	h.buf.Write(keep)
	h.dropped += len(p) - len(keep)
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dropped == 0 {
		return h.buf.String()
	}
	return h.buf.String() + "\n… and " + strconv.Itoa(h.dropped) + " bytes more"
}
