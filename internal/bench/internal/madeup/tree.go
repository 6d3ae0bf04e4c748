package madeup

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// fileTime is the time of the files of trees. They are older than the objects, so
// that no tool thinks that they have changed.
func fileTime() time.Time { return ModTime().AddDate(-1, 0, 0) }

// Files is the command `bench files DIRECTORY LAYOUT EVERY`.
func Files(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return flag.ErrHelp
	}
	l, err := ParseLayout(args[1])
	if err != nil {
		return err
	}
	every, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	return writeTree(ctx, args[0], l, every)
}

// writeTree writes the files of a layout, or every so manieth.
func writeTree(ctx context.Context, root string, l Layout, every int) error {
	for i := 0; i < l.Objects; i += every {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.Join(root, filepath.FromSlash(string(l.AppendKey(nil, i))))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		err = writeContent(f, i, 0, l.Size)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		if err := os.Chtimes(name, fileTime(), fileTime()); err != nil {
			return err
		}
	}
	return nil
}
