package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"s3sync/internal/s3server"
)

// A size is that of a screen, in characters.
type size struct{ columns, rows int }

// A studio plays scenes with one command on one server.
type studio struct {
	bin, dir string
	server   *s3server.Server
	played   int
}

// A frame is what the screen shows from a moment on.
type frame struct {
	at    time.Duration // since the begin of the film
	take  int           // of the scene
	cells []row
}

// A row is a row of the screen.
type row []vt10x.Glyph

func (r row) String() string {
	var b strings.Builder
	for _, g := range r {
		if g.Char == 0 {
			g.Char = ' '
		}
		b.WriteRune(g.Char)
	}
	return strings.TrimRight(b.String(), " ")
}

// knows reports whether the command has a command or an option.
func (s *studio) knows(ctx context.Context, name string) bool {
	return name == "" || exec.CommandContext(ctx, s.bin, "help", name).Run() == nil
}

// play plays a scene and returns its frames.
func (s *studio) play(ctx context.Context, sc scene, screen size) ([]frame, error) {
	s.played++
	home := filepath.Join(s.dir, fmt.Sprint("scene", s.played))
	if err := os.Mkdir(home, 0o755); err != nil {
		return nil, err
	}
	if err := s.server.CreateBucket(ctx, bucket); err != nil && s.played == 1 {
		return nil, err
	}
	if err := os.Symlink(s.bin, filepath.Join(home, ".s3sync")); err != nil {
		return nil, err
	}
	if err := s.empty(ctx, home); err != nil {
		return nil, err
	}
	c := &camera{vt: vt10x.New(vt10x.WithSize(screen.columns, screen.rows)), size: screen}
	for i, t := range sc.takes {
		c.take = i
		if err := s.film(ctx, c, home, t); err != nil {
			return nil, fmt.Errorf("%s: %w", t.command, err)
		}
	}
	return c.frames, nil
}

const bucket = "photos"

// empty removes what the scene before left in the bucket.
func (s *studio) empty(ctx context.Context, home string) error {
	cmd := s.shell(ctx, home, "mkdir none && s3sync -qq --delete --allow-empty-source --max-delete-percent 100 none s3://"+bucket+"/ && rmdir none")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// shell prepares a command as a user would type it.
func (s *studio) shell(ctx context.Context, home, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = home
	cmd.Env = []string{
		"PATH=" + filepath.Dir(s.bin) + ":" + os.Getenv("PATH"), "HOME=" + home, "TERM=xterm-256color", "LANG=C.UTF-8", "TZ=UTC",
		"AWS_ACCESS_KEY_ID=" + s.server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.server.SecretKey,
		"AWS_REGION=" + s.server.Region, "AWS_ENDPOINT_URL=" + s.server.Endpoint,
	}
	return cmd
}

// film runs one command before the camera.
func (s *studio) film(ctx context.Context, c *camera, home string, t take) error {
	cmd := s.shell(ctx, home, t.command)
	if t.hidden {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	c.enter(t.command)
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(c.rows), Cols: uint16(c.columns)})
	if err != nil {
		return err
	}
	defer terminal.Close() //nolint:errcheck // everything was read
	begin := c.now
	start := time.Now()
	buf := make([]byte, 64<<10)
	for {
		n, err := terminal.Read(buf)
		c.now = begin + time.Since(start)
		if n > 0 {
			c.show(buf[:n])
		}
		if err != nil {
			break // Linux reports an error when the command closed the terminal
		}
	}
	err = cmd.Wait()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if code != t.exit {
		return fmt.Errorf("exit code %d in place of %d:\n%s", code, t.exit, c.vt)
	}
	return nil
}

// A camera keeps what a screen shows.
type camera struct {
	size

	vt     vt10x.Terminal
	take   int
	now    time.Duration
	frames []frame
}

// enter shows a command as if somebody typed it.
func (c *camera) enter(command string) {
	const prompt, key, rest = "\x1b[32m$\x1b[0m ", 35 * time.Millisecond, 600 * time.Millisecond
	if len(c.frames) > 0 {
		c.now += 3 * rest
	}
	c.show([]byte(prompt))
	c.now += rest
	for _, word := range strings.SplitAfter(command, " ") {
		c.now += time.Duration(len(word)) * key
		c.show([]byte("\x1b[1m" + word + "\x1b[0m"))
	}
	c.now += rest
	c.show([]byte("\r\n"))
}

// show draws output, and keeps a frame of it.
func (c *camera) show(output []byte) {
	_, _ = c.vt.Write(output)
	f := frame{at: c.now, take: c.take, cells: make([]row, c.rows)}
	for y := range f.cells {
		f.cells[y] = make(row, c.columns)
		for x := range f.cells[y] {
			f.cells[y][x] = c.vt.Cell(x, y)
		}
	}
	c.frames = append(c.frames, f)
}
