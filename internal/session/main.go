// Command session records what s3sync looks like in a terminal: it runs the real command
// in a pseudo-terminal, against a real S3 server on this machine, and writes what the
// screen shows. `make record` runs it. What it writes is
//
//   - docs/session.txt: all scenes as text;
//   - docs/session.svg: the scene for the README, moving, as one SVG without scripts.
//
// The scenes are a table in scenes.go. Numbers such as rates differ from run to run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"s3sync/internal/s3server"
)

// The text is that of the terminal that most people have, with enough rows for the longest
// scene: what scrolls away is lost. The image has a few columns more.
var textScreen, imageScreen = size{80, 60}, size{100, 17} //nolint:gochecknoglobals // constants

func main() {
	bin := flag.String("bin", "./s3sync", "the command to record")
	text := flag.String("text", "docs/session.txt", "where the text goes")
	image := flag.String("image", "docs/session.svg", "where the moving image goes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *bin, *text, *image); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "session:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, text, image string) (err error) {
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "s3sync-session-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := s3server.Run(ctx, s3server.VersityGW, filepath.Join(dir, "server"), s3server.Options{})
	if err != nil {
		return err
	}
	defer server.Close()
	s := &studio{bin: bin, dir: dir, server: server}

	var b strings.Builder
	b.WriteString(heading)
	for _, scene := range scenes() {
		if !s.knows(ctx, scene.needs) {
			fmt.Printf("left out: %s, because this s3sync has no %s\n", scene.title, scene.needs)
			continue
		}
		film, err := s.play(ctx, scene, textScreen)
		if err != nil {
			return fmt.Errorf("%s: %w", scene.title, err)
		}
		writeText(&b, scene, film)
	}
	if err := os.WriteFile(text, []byte(b.String()), 0o644); err != nil {
		return err
	}
	film, err := s.play(ctx, poster(), imageScreen)
	if err != nil {
		return err
	}
	return os.WriteFile(image, []byte(drawing(film)), 0o644)
}
