// Package connect knows how a worker reaches buckets. A job names connections, and each
// worker resolves the names by itself, from a file and its environment. So no credential is
// in a job, in the engine, or in the state store.
package connect

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"s3sync"
)

// ErrUnknown is the kind of error of a name that this worker does not know. Another worker
// may know it.
var ErrUnknown = errors.New("unknown connection")

// Variable begins the names of variables: S3SYNC_CONNECTION_ARCHIVE_REGION is the region of
// the connection archive. A hyphen in a name is an underscore there.
const Variable = "S3SYNC_CONNECTION_"

// FileVariable names the file of connections.
const FileVariable = "S3SYNC_CONNECTIONS"

// Connections are all connections that a worker knows. It does not change, so it may be
// used concurrently.
type Connections struct {
	byName map[string]*s3sync.Endpoint
	notes  []string
}

// A setting is something that a connection has. Either text or flag is set.
type setting struct {
	name string // in the file; that of a variable is in capitals
	path string // of the field of s3sync.Endpoint
	text func(*s3sync.Endpoint) *string
	flag func(*s3sync.Endpoint) *bool
}

func settings() []setting {
	return []setting{
		{name: "profile", path: "Profile", text: func(e *s3sync.Endpoint) *string { return &e.Profile }},
		{name: "access_key", path: "AccessKey", text: func(e *s3sync.Endpoint) *string { return &e.AccessKey }},
		{name: "secret_key", path: "SecretKey", text: func(e *s3sync.Endpoint) *string { return &e.SecretKey }},
		{name: "session_token", path: "SessionToken", text: func(e *s3sync.Endpoint) *string { return &e.SessionToken }},
		{name: "region", path: "Region", text: func(e *s3sync.Endpoint) *string { return &e.Region }},
		{name: "endpoint_url", path: "EndpointURL", text: func(e *s3sync.Endpoint) *string { return &e.EndpointURL }},
		{name: "path_style", path: "PathStyle", flag: func(e *s3sync.Endpoint) *bool { return &e.PathStyle }},
		{name: "accelerate", path: "Accelerate", flag: func(e *s3sync.Endpoint) *bool { return &e.Accelerate }},
		{name: "request_payer", path: "RequestPayer", flag: func(e *s3sync.Endpoint) *bool { return &e.RequestPayer }},
	}
}

// Load reads the connections of a file, unless its name is empty, and of an environment
// (NAME=value). A variable replaces the same setting of the file. All connections are
// checked. No error holds a value, because that may be a secret.
func Load(file string, environ []string) (*Connections, error) {
	c := &Connections{byName: map[string]*s3sync.Endpoint{}}
	if file != "" {
		if err := c.readFile(file); err != nil {
			return nil, fmt.Errorf("connections in %q: %w", file, err)
		}
	}
	if err := c.readEnvironment(environ); err != nil {
		return nil, err
	}
	for _, name := range c.Names() {
		if err := check(name, c.byName[name]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Endpoint returns how the connection of a name is reached; its URL is empty. Without a
// name credentials, region and profile are found as in other AWS programs.
func (c *Connections) Endpoint(name string) (s3sync.Endpoint, error) {
	if name == "" {
		return s3sync.Endpoint{}, nil
	}
	if e := c.byName[name]; e != nil {
		return *e, nil
	}
	known := "it knows none"
	if names := c.Names(); len(names) > 0 {
		known = "it knows " + strings.Join(names, ", ")
	}
	return s3sync.Endpoint{}, fmt.Errorf("%w: this machine has no connection %q (%s): add [%s] to the file of --connections, or set %s%s_…",
		ErrUnknown, name, known, name, Variable, capitals(name))
}

// Names returns the names of all connections, in order.
func (c *Connections) Names() []string { return slices.Sorted(maps.Keys(c.byName)) }

// Notes are facts about the file that its owner should know.
func (c *Connections) Notes() []string { return c.notes }

// CheckName fails if a text cannot be the name of a connection.
func CheckName(name string) error {
	if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(name) || len(name) > 63 {
		return fmt.Errorf("%q is no name of a connection: it has at most 63 small letters, digits and hyphens between them", name)
	}
	return nil
}

func capitals(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// named returns the connection of a name, and makes it if it is new.
func (c *Connections) named(name string) *s3sync.Endpoint {
	if c.byName[name] == nil {
		c.byName[name] = &s3sync.Endpoint{}
	}
	return c.byName[name]
}

// readFile reads a file in TOML: a table for each connection.
func (c *Connections) readFile(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return withoutPath(err)
	}
	var tables map[string]any
	if err := toml.Unmarshal(data, &tables); err != nil {
		// The text of the error may quote the line, which may have a secret.
		if at, ok := errors.AsType[toml.ParseError](err); ok {
			return fmt.Errorf("line %d is not TOML", at.Position.Line)
		}
		return errors.New("the file is not TOML")
	}
	secret := false
	for name, content := range tables {
		table, ok := content.(map[string]any)
		if !ok {
			return fmt.Errorf("%q is no table: a connection begins with its name in brackets, [name]", name)
		}
		if err := CheckName(name); err != nil {
			return err
		}
		e := c.named(name)
		for key, value := range table {
			i := slices.IndexFunc(settings(), func(s setting) bool { return s.name == key })
			if i < 0 {
				return fmt.Errorf("[%s] has %q, which is none of %s", name, key, settingNames())
			}
			if err := settings()[i].set(e, value); err != nil {
				return fmt.Errorf("[%s] %s %w", name, key, err)
			}
		}
		secret = secret || e.SecretKey != "" || e.SessionToken != ""
	}
	c.notePermissions(file, secret)
	return nil
}

// notePermissions adds a note if others can read a file that holds secrets.
func (c *Connections) notePermissions(file string, secret bool) {
	info, err := os.Stat(file)
	if err == nil && secret && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		c.notes = append(c.notes, fmt.Sprintf("other users can read the secrets in %q (mode %04o): chmod 600 it", file, info.Mode().Perm()))
	}
}

// withoutPath returns why a file cannot be read, without its name.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func (s setting) set(e *s3sync.Endpoint, value any) error {
	switch v := value.(type) {
	case string:
		if s.text != nil {
			*s.text(e) = v
			return nil
		}
	case bool:
		if s.flag != nil {
			*s.flag(e) = v
			return nil
		}
	}
	if s.text != nil {
		return errors.New("must be a text in quotes")
	}
	return errors.New("must be true or false")
}

func settingNames() string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// readEnvironment reads variables. The name of a connection ends where that of a setting
// begins, because none of these ends with another one.
func (c *Connections) readEnvironment(environ []string) error {
	byVariable := map[string]string{} // names of connections
	for name := range c.byName {
		byVariable[capitals(name)] = name
	}
	for _, line := range slices.Sorted(slices.Values(environ)) {
		variable, value, _ := strings.Cut(line, "=")
		rest, ours := strings.CutPrefix(variable, Variable)
		if !ours {
			continue
		}
		i := slices.IndexFunc(settings(), func(s setting) bool { return strings.HasSuffix(rest, "_"+strings.ToUpper(s.name)) })
		if i < 0 {
			return fmt.Errorf("%s in the environment does not end with one of %s", variable, strings.ToUpper(settingNames()))
		}
		s := settings()[i]
		part := strings.TrimSuffix(rest, "_"+strings.ToUpper(s.name))
		name, known := byVariable[part]
		if !known {
			name = strings.ToLower(strings.ReplaceAll(part, "_", "-"))
			if CheckName(name) != nil || part != capitals(name) {
				return fmt.Errorf("%s in the environment names no connection: its name has capitals, digits, and single underscores between them", variable)
			}
		}
		var given any = value
		if s.flag != nil {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return fmt.Errorf("%s in the environment must be true or false", variable)
			}
			given = on
		}
		if err := s.set(c.named(name), given); err != nil {
			return fmt.Errorf("%s in the environment %w", variable, err)
		}
	}
	return nil
}

// check asks the rules of a sync whether the settings of a connection go together.
func check(name string, e *s3sync.Endpoint) error {
	cfg := s3sync.DefaultConfig()
	cfg.Source, cfg.Target = *e, *e
	cfg.Source.URL, cfg.Target.URL = "s3://source/", "s3://target/"
	err := cfg.Validate()
	if err == nil {
		return nil
	}
	fault, ok := errors.AsType[*s3sync.ConfigError](err)
	if !ok {
		return fmt.Errorf("connection %q: %w", name, err)
	}
	text := spell(fault.Field) + " " + fault.Reason
	if fault.Other != "" {
		text += " " + spell(fault.Other)
	}
	return fmt.Errorf("connection %q: %s", name, text)
}

// spell returns the name of a setting in place of the path of a field.
func spell(path string) string {
	for _, s := range settings() {
		if strings.TrimPrefix(strings.TrimPrefix(path, "Source."), "Target.") == s.path {
			return s.name
		}
	}
	return path
}

// Knows reports whether a variable of the environment is about connections.
func Knows(variable string) bool { return strings.HasPrefix(variable, Variable) }
