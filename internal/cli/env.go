package cli

import (
	"maps"
	"runtime"
	"slices"
	"strings"
)

const envPrefix = "S3SYNC_"

// An environment holds variables by name.
type environment map[string]string

func parseEnviron(environ []string) environment {
	env := environment{}
	for _, line := range environ {
		name, text, ok := strings.Cut(line, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name) // names have no case there
		}
		if _, twice := env[name]; ok && !twice {
			env[name] = text
		}
	}
	return env
}

// applyEnvironment sets the options that were not on the command line.
func (c *command) applyEnvironment() error {
	if err := c.misspelt(); err != nil {
		return err
	}
	for _, o := range c.options {
		for _, name := range o.variables() {
			text, ok := c.env[name]
			// The AWS programs take an empty variable as not set.
			if !ok || o.value.set || (text == "" && strings.HasPrefix(name, "AWS_")) {
				continue
			}
			o.from = name
			if err := o.value.parse(text); err != nil {
				return usagef("%s %v", o.label(), err)
			}
			// A switch that is set to false counts as not given.
			o.given = o.value.kind == single || o.value.String() == "true"
			if o.armed && o.given && !strings.HasPrefix(name, envPrefix) {
				c.warnings = append(c.warnings, "the environment variable "+name+" sets "+o.title()+
					"; name it "+envPrefix+name+" if that is meant")
			}
			break
		}
	}
	return nil
}

// misspelt refuses a variable whose name is almost that of an option: with
// S3SYNC_DRYRUN set nobody expects a run that writes.
func (c *command) misspelt() error {
	var names []string
	for _, o := range c.options {
		names = append(names, o.variables()...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(names, name) {
			continue
		}
		if near := nearest(strings.TrimPrefix(name, envPrefix), trimmed(names)); near != "" {
			return usagef("%s in the environment is not an option; did you mean %s%s?", name, envPrefix, near)
		}
	}
	return nil
}

func trimmed(names []string) []string {
	var short []string
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, envPrefix); ok {
			short = append(short, rest)
		}
	}
	return short
}
