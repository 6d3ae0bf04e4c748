// Package temporalserver runs Temporal as a process of this machine, all of its parts in
// one: for tests and for the demo. The product does not use it.
//
// `make cluster-demo` and `make test-full` build the program; package s3server says where.
package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"s3sync/internal/s3server"
)

// Name is that of the program in tools/versions.mk.
const Name = "temporal-server"

const (
	readyIn       = 2 * time.Minute // a busy machine is slow, not broken
	probeInterval = 300 * time.Millisecond
	retention     = 24 * time.Hour
)

// Options say where a server keeps its data.
type Options struct {
	// Dir gets the configuration, the log, and the database in the file engine.db unless
	// Postgres is set.
	Dir string
	// Postgres, if set, is where PostgreSQL listens, HOST:PORT. It has the databases temporal
	// and temporal_visibility, with the schema, and lets the user temporal in.
	Postgres string
	// Log is the level of the log, such as debug; it is error unless it is set.
	Log string
}

// A Server is a process of Temporal. Its methods must not be called concurrently.
type Server struct {
	// Address is where clients reach it, HOST:PORT. It stays the same after Restart.
	Address string

	program, config, log string
	cmd                  *exec.Cmd
	ended                <-chan struct{}
}

// Start starts a server with the namespace default, and returns when it can be used. It
// dies with this process.
func Start(ctx context.Context, opts Options) (*Server, error) {
	program, err := s3server.Program(Name)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(8)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Address: fmt.Sprintf("127.0.0.1:%d", ports[0]), program: program,
		config: filepath.Join(opts.Dir, "engine.yaml"), log: filepath.Join(opts.Dir, "engine.log"),
	}
	if err := os.WriteFile(s.config, configuration(opts, ports), 0o600); err != nil {
		return nil, err
	}
	return s, s.Restart(ctx)
}

// Restart starts a server that has ended, on the same ports and with the same database, and
// returns when it can be used.
func (s *Server) Restart(ctx context.Context) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has it
	s.cmd = exec.Command(s.program, "--config-file", s.config, "--allow-no-auth", "start")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = s3server.ProcessAttributes()
	if s.ended, err = s3server.StartProcess(s.cmd); err != nil {
		return fmt.Errorf("%s: %w", Name, err)
	}
	if err := s.makeNamespace(ctx); err != nil {
		s.Kill()
		text, _ := os.ReadFile(s.log)
		return fmt.Errorf("%s: %w\n%s", Name, err, text[:min(len(text), 4096)])
	}
	return nil
}

// Kill ends the process without a word, and waits until it has ended. It does nothing if the
// process has ended.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// Stop lets the process end by itself, and kills it after a time.
func (s *Server) Stop(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.Kill()
	}
}

// Dir is Options.Dir.
func (s *Server) Dir() string { return filepath.Dir(s.config) }

// makeNamespace waits for the server, makes the namespace unless it is there, and waits until
// it can be used.
func (s *Server) makeNamespace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	made := false
	for {
		err := s.askForNamespace(ctx, &made)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-s.ended:
			return errors.New("it ended at once")
		case <-time.After(probeInterval):
		}
	}
}

func (s *Server) askForNamespace(ctx context.Context, made *bool) error {
	c, err := client.NewNamespaceClient(client.Options{HostPort: s.Address})
	if err != nil {
		return err
	}
	defer c.Close()
	if *made {
		_, err = c.Describe(ctx, client.DefaultNamespace)
		return err
	}
	err = c.Register(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: client.DefaultNamespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if _, there := errors.AsType[*serviceerror.NamespaceAlreadyExists](err); err == nil || there {
		*made = true
		return errors.New("the namespace is not yet known")
	}
	return err
}

// freePorts returns ports that nobody listens on now. They are not those that systems give to
// connections, so that they are still free after a restart, and fit into the 16 bits with a
// sign that a column in PostgreSQL has.
func freePorts(n int) (ports []int, err error) {
	const first, last, attempts = 20_000, 32_767, 1000
	for range attempts {
		port := first + rand.IntN(last-first+1)
		if slices.Contains(ports, port) {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("%d of %d ports are free: %w", len(ports), n, err)
}
