package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"

	"s3sync/storage/bucket/internal/failure"
)

// A process is the credential_process of a profile. It differs from that of the SDK in
// what the user sees: its error holds what the process wrote to standard error, and never
// what it wrote to standard output, where secrets are. It also ends in time if the process
// leaves others behind that hold its output open.
type process struct {
	command, profile string
	patience         func() time.Duration
}

func newProcess(command, profile string, patience func() time.Duration) process {
	return process{command: command, profile: profile, patience: patience}
}

// ProviderSources says that it is a process.
func (p process) ProviderSources() []aws.CredentialSource {
	return []aws.CredentialSource{aws.CredentialSourceProcess}
}

// Retrieve runs the process.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
func (p process) Retrieve(ctx context.Context) (aws.Credentials, error) {
	limit := p.patience() - reserve
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	said := &tail{}
	build := processcreds.NewCommandBuilderFunc(func(ctx context.Context) (*exec.Cmd, error) {
		cmd, err := processcreds.DefaultNewCommandBuilder{Args: []string{p.command}}.NewCommand(ctx)
		if err != nil {
			return nil, err
		}
		cmd.WaitDelay = reserve / 2
		if cmd.Stderr == nil || !atTerminal() {
			cmd.Stderr = said
		} else { // it may be asking for something
			cmd.Stderr = io.MultiWriter(cmd.Stderr, said)
		}
		return cmd, nil
	})
	creds, err := processcreds.NewProviderCommand(build, func(o *processcreds.Options) { o.Timeout = limit }).Retrieve(ctx)
	if err != nil {
		late := errors.Is(ctx.Err(), context.DeadlineExceeded)
		return creds, &processError{text: p.explain(err, late), said: said.text()}
	}
	return creds, nil
}

// explain says how the process failed.
func (p process) explain(err error, late bool) string {
	name := fmt.Sprintf("the credential_process of profile %q ", p.profile)
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case late:
		return name + fmt.Sprintf("did not end within %v", p.patience())
	case exited:
		return name + "ended with " + exit.String()
	case strings.Contains(err.Error(), "parse failed of process output"): // which the text goes on with
		return name + "wrote something else than the JSON that AWS defines"
	}
	text := err.Error()
	text = text[strings.LastIndex(text, ": ")+1:]
	return name + "failed: " + failure.OneLine(text)
}

// A processError is the failure of a process.
type processError struct{ text, said string }

func (e *processError) Error() string {
	if e.said == "" {
		return e.text + " (run it by hand to see why)"
	}
	return e.text + ": " + e.said
}

// atTerminal reports whether somebody can answer a question of a process.
func atTerminal() bool {
	for _, f := range []*os.File{os.Stdin, os.Stderr} { //nolint:forbidigo // a process inherits them
		info, err := f.Stat()
		if err != nil || info.Mode()&os.ModeCharDevice == 0 || info.Mode().Type() != os.ModeDevice|os.ModeCharDevice || isNull(info) {
			return false
		}
	}
	return true
}

// isNull reports whether a file is the one that is always empty.
func isNull(info os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

// A tail keeps the end of what is written to it. Only one goroutine writes at a time.
type tail struct{ kept []byte }

// maxTail is more than a line of an error.
const maxTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if more := len(t.kept) - maxTail; more > 0 {
		t.kept = append(t.kept[:0], t.kept[more:]...)
	}
	return len(p), nil
}

// secretNamed is a value behind a name that tells that it is secret.
var secretNamed = regexp.MustCompile(`(?i)((?:secret|token|password|passwd|pwd|authorization)[\w-]*["']?\s*[:=]\s*["']?)[^\s"']+`)

// longWord is as long as a secret key is, or longer.
var longWord = regexp.MustCompile(`[A-Za-z0-9+/=_.-]{32,}`)

const hidden = "(hidden)"

// scrub hides what could be a secret.
func scrub(text string) string {
	text = secretNamed.ReplaceAllString(text, "${1}"+hidden)
	return longWord.ReplaceAllStringFunc(text, func(word string) string {
		for _, class := range []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"} {
			if !strings.ContainsAny(word, class) { // a path or a name, rather
				return word
			}
		}
		return hidden
	})
}

// text is the end of what was written, without secrets.
func (t *tail) text() string {
	lines := bytes.Split(bytes.TrimSpace(t.kept), []byte("\n"))
	lines = lines[max(0, len(lines)-3):]
	return failure.OneLine(scrub(string(bytes.Join(lines, []byte(" ")))))
}
