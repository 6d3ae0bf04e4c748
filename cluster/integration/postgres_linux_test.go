package integration_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"s3sync/cluster/internal/temporalserver"
	"s3sync/internal/s3server"
)

// TestDatabaseCrashes lets the PostgreSQL of an engine crash in the middle of a job. It is for
// S3SYNC_SOAK=1, where PostgreSQL is installed as Debian does it.
func TestDatabaseCrashes(t *testing.T) {
	if !soaks() {
		t.Skip("it runs in make soak")
	}
	t.Parallel()
	db := newPostgres(t)
	engine := ownEngine(t, temporalserver.Options{Postgres: db.address})
	m := accidentModel(t)
	l := newLab(t, engine, "database-crashes", ofModel(m)...)
	l.worker("w1", "--slots", "3")
	l.worker("w2", "--slots", "3")
	l.lostAfter = time.Minute
	l.submitAccident()
	await(t, m.listed(madeUp/2), "so many keys are listed")
	db.crash()
	before := m.now().Listed
	time.Sleep(5 * time.Second) // it is how long the database is away
	worked := m.now().Listed - before
	db.start(t)
	checkAccident(t, m, l.end())
	if n := l.triedAgain(); n != 0 || worked == 0 {
		t.Errorf("%d leases were handed out again; %d keys were listed without the database", n, worked)
	}
}

// A postgres is a server with the databases of an engine.
type postgres struct {
	address string

	bin, data, port string
	as              *syscall.Credential // who it runs as: it refuses to run as root
	cmd             *exec.Cmd
	ended           <-chan struct{}
}

// newPostgres starts a server, and makes its databases with the schema of the engine.
func newPostgres(t *testing.T) *postgres {
	t.Helper()
	tool := s3server.Tool(t, "temporal-sql-tool")
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(installed) == 0 {
		t.Skip("PostgreSQL is not installed in /usr/lib/postgresql")
	}
	db := &postgres{bin: filepath.Dir(slices.Max(installed))}
	dir, err := os.MkdirTemp("", "s3sync-test-postgres-") //nolint:usetesting // no other user may enter the parent of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Getuid() == 0 {
		db.as = userPostgres(t)
		if err := os.Chown(dir, int(db.as.Uid), int(db.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	db.data = filepath.Join(dir, "data")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	db.address = l.Addr().String()
	_, db.port, _ = net.SplitHostPort(db.address)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	db.run(t, db.command("initdb", "-D", db.data, "-A", "trust", "-U", "temporal", "-E", "UTF8"))
	db.start(t)
	for name, schema := range map[string]string{"temporal": "temporal", "temporal_visibility": "visibility"} {
		for _, args := range [][]string{{"create"}, {"setup-schema", "-v", "0.0"}, {"update-schema", "--schema-name", "postgresql/v12/" + schema}} {
			flags := []string{"--plugin", "postgres12", "--ep", "127.0.0.1", "-p", db.port, "-u", "temporal", "--db", name}
			db.run(t, exec.CommandContext(t.Context(), tool, append(flags, args...)...))
		}
	}
	return db
}

func userPostgres(t *testing.T) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("there is no user that PostgreSQL could run as")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err = errors.Join(err, gidErr); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (db *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(db.bin, name), args...)
	cmd.SysProcAttr = s3server.ProcessAttributes()
	cmd.SysProcAttr.Credential = db.as
	cmd.Dir = filepath.Dir(db.data)
	return cmd
}

func (db *postgres) run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// start starts the server, and waits until it answers.
func (db *postgres) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "postgres.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	db.cmd = db.command("postgres", "-D", db.data, "-h", "127.0.0.1", "-p", db.port, "-k", filepath.Dir(db.data))
	db.cmd.Stdout, db.cmd.Stderr = log, log
	if db.ended, err = s3server.StartProcess(db.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.crash)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(lookAgain) {
		if err = db.command("pg_isready", "-h", "127.0.0.1", "-p", db.port, "-U", "temporal").Run(); err == nil {
			return
		}
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatal(fmt.Errorf("PostgreSQL: %w\n%s", err, text))
}

// crash ends the server at once, so that it must recover when it starts again.
func (db *postgres) crash() {
	_ = db.cmd.Process.Signal(syscall.SIGQUIT) // it may have ended
	<-db.ended
}
