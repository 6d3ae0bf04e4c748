package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"s3sync/internal/cli/options"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/records"
	"s3sync/internal/manifest"
	"s3sync/internal/visible"
)

// verifyOptions are the options of verify: its own, and those that reach a bucket.
func verifyOptions() []string {
	return []string{
		"manifest", "public-key", "against", "read", "key", "proof", "root", "sha256sum", "json",
		"profile", "region", "endpoint-url", "path-style", "target-profile", "target-access-key", "target-secret-access-key", "target-session-token", "target-region",
		"target-endpoint-url", "target-force-path-style", "target-accelerate", "target-request-payer", "target-sse-c-key", "target-sse-c-key-md5", "target-sse-c",
		"aws-config-file", "aws-shared-credentials-file", "https-proxy", "aws-max-attempts", "force-retry-count",
	}
}

// verify checks a manifest or a proof.
func (c *command) verify(ctx context.Context, _ []string) int {
	if err := c.line.CheckVerify(); err != nil {
		return c.fail(err)
	}
	for _, text := range c.line.Notes {
		c.say("note: " + text)
	}
	ctx, stop := c.interruptible(ctx)
	code, err := (&verification{c, &c.line.Own}).run(ctx)
	if sig := stop(); sig != nil {
		return options.ExitOfSignal(sig)
	}
	if err != nil {
		return c.fail(err)
	}
	return code
}

// A verification checks what a manifest says.
type verification struct {
	c   *command
	own *table.Own
}

func (v *verification) run(ctx context.Context) (int, error) {
	if v.own.Proof != "" {
		return v.checkProof()
	}
	at, err := v.c.placeOf(v.c.line.Records.Manifest)
	if err != nil {
		return 0, records.Named("--manifest", err)
	}
	f, err := at.open(ctx)
	if err != nil {
		return 0, records.Named("--manifest", err)
	}
	defer at.done(f)
	m := &opened{name: at.name, file: f}
	if v.own.PublicKey != "" {
		if err := v.checkSignature(ctx, at, m); err != nil {
			return 0, err
		}
	}
	switch {
	case v.own.Key != "":
		return v.printProof(m)
	case v.own.SHA256Sum:
		return v.printSums(m)
	}
	content, err := m.read(manifest.ReadOptions{})
	if err != nil {
		return 0, err
	}
	return v.audit(ctx, m, content)
}

// An opened manifest can be read several times. All of its readings are of the same bytes.
type opened struct {
	name   string
	file   *os.File
	signed string // the trusted comment of a signature that was checked
	sum    []byte // of the bytes that were read first
}

// read reads and checks the manifest.
func (m *opened) read(o manifest.ReadOptions) (c *manifest.Content, err error) {
	err = m.pass(func(file io.Reader) error {
		text, err := manifest.Decompress(file)
		if err != nil {
			return err
		}
		defer text.Close()
		c, err = manifest.Read(text, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	return c, nil
}

// errSwapped says that what was checked is not what was used.
var errSwapped = errors.New("it was changed while it was checked: nothing of what was said about it holds")

// pass lets a function read the file from its beginning, and fails if its bytes are not those
// of the first pass.
func (m *opened) pass(read func(file io.Reader) error) error {
	if _, err := m.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	digest := sha256.New()
	file := io.TeeReader(m.file, digest)
	err := read(file)
	if err == nil || errors.Is(err, manifest.ErrRefused) {
		_, rerr := io.Copy(io.Discard, file)
		err = errors.Join(err, rerr)
	}
	switch sum := digest.Sum(nil); {
	case m.sum == nil && err == nil:
		m.sum = sum
		return nil
	case m.sum == nil, bytes.Equal(m.sum, sum), err != nil && !errors.Is(err, manifest.ErrRefused):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errSwapped, err)
	}
	return errSwapped
}

// checkSignature checks the signature beside the manifest.
func (v *verification) checkSignature(ctx context.Context, at *place, m *opened) error {
	text := []byte(v.own.PublicKey)
	if file, err := readSmall(v.own.PublicKey); err == nil {
		text = file
	}
	key, err := manifest.ParsePublicKey(text)
	if err != nil {
		return fmt.Errorf("--public-key: %q is neither a file with a public key of minisign nor one: %w", v.own.PublicKey, err)
	}
	beside := at.beside(manifest.SignatureSuffix)
	switch there, err := beside.exists(ctx); {
	case err != nil:
		return err
	case !there:
		return fmt.Errorf("%s: it has no signature: %s does not exist", m.name, beside.name)
	}
	f, err := beside.open(ctx)
	if err != nil {
		return err
	}
	defer beside.done(f)
	signature, err := readSmall(f.Name())
	if err != nil {
		return err
	}
	err = m.pass(func(file io.Reader) (err error) {
		m.signed, err = key.Check(file, signature)
		return err
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", beside.name, err)
	if _, where := m.read(manifest.ReadOptions{}); where != nil {
		err = fmt.Errorf("%w; %w", err, where) // it names the line
	}
	return err
}

// printProof prints the proof of one object.
func (v *verification) printProof(m *opened) (int, error) {
	key := v.own.Key
	content, err := m.read(manifest.ReadOptions{Prove: func(e *manifest.Entry) bool { return e.TheKey() == key }})
	if err != nil {
		return 0, err
	}
	if content.Proof == nil {
		return 0, fmt.Errorf("%s: it has no object with the key %q", m.name, key)
	}
	text, err := json.MarshalIndent(content.Proof, "", "  ")
	if err != nil {
		return 0, err
	}
	c := v.c
	return c.print(string(text) + "\n"), nil
}

// checkProof checks a proof that was printed before.
func (v *verification) checkProof() (int, error) {
	name := v.own.Proof
	f, err := os.Open(name)
	if err != nil {
		return 0, records.Named("--proof", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	p := new(manifest.Proof)
	d := json.NewDecoder(io.LimitReader(f, 8<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(p); err != nil {
		return 0, fmt.Errorf("%s: it is not a proof of s3sync: %w", name, err)
	}
	header, entry, err := p.Check(v.own.Root)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	c := v.c
	if v.own.JSON {
		return c.print(fmt.Sprintf("{\"header\":%s,\"entry\":%s}\n", p.Header.Line, p.Entry.Line)), nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "the proof is right: line %d of %d of the manifest with this root\n", entry.N, p.Leaves)
	fmt.Fprintf(&text, "run:    %s, from %s to %s, begun %s\n", visible.Line(header.Program), visible.Line(header.Source), visible.Line(header.Target), moment(header.Started))
	fmt.Fprintf(&text, "object: %q, %d bytes, %s\n", entry.TheKey(), entry.Size, entry.Done)
	if entry.SHA256 != "" {
		fmt.Fprintf(&text, "sha256: %s\n", entry.SHA256)
	}
	for _, side := range []struct {
		name string
		o    *manifest.Object
	}{{"source", entry.Source}, {"target", entry.Target}} {
		if side.o != nil && side.o.ETag != "" {
			fmt.Fprintf(&text, "%s: ETag %s\n", side.name, visible.Line(side.o.ETag))
		}
	}
	return c.print(text.String()), nil
}

// printSums prints the objects whose SHA-256 is known, as sha256sum does.
func (v *verification) printSums(m *opened) (int, error) {
	// The manifest is checked before anything of it is printed.
	content, err := m.read(manifest.ReadOptions{})
	if err != nil {
		return 0, err
	}
	var unknown int64
	out := newBuffered(v.c.p.Stdout)
	_, err = m.read(manifest.ReadOptions{Visit: func(e *manifest.Entry) error {
		switch {
		case !e.Done.Held():
		case e.SHA256 == "":
			unknown++
		default:
			out.put(string(manifest.SumLine(e.SHA256, e.TargetKey())))
		}
		return out.err
	}})
	if err = errors.Join(err, out.flush()); err != nil {
		return 0, fmt.Errorf("standard output: %w", err)
	}
	code := options.ExitDone
	if unknown > 0 {
		v.c.warn(fmt.Sprintf("%d objects are not printed, because the run did not learn the SHA-256 of their contents", unknown))
		code = options.ExitWarning
	}
	if !content.Summary.Complete {
		v.c.warn("the run of the manifest was not complete")
		code = options.ExitWarning
	}
	return code, nil
}
