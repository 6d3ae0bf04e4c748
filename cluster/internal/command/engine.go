package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"s3sync/cluster/internal/flow"
	"s3sync/internal/cli/options"
)

// reachIn is how long a command waits for the engine. A worker waits longer: see reach.
const reachIn = 5 * time.Second

// An environ is what the library of Temporal reads instead of the environment.
type environ []string

func (e environ) Environ() []string { return e }

func (e environ) LookupEnv(name string) (string, bool) {
	for _, line := range e {
		if n, value, ok := strings.Cut(line, "="); ok && n == name {
			return value, true
		}
	}
	return "", false
}

// engineOptions returns how the engine is reached: by the options, else by the standard
// variables and file of Temporal. Its errors hold no secret.
func (c *command) clientOptions(log *slog.Logger) (client.Options, error) {
	prof, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: environ(c.p.Environ)})
	if err != nil {
		// The text of an error of TOML may quote a line of the file, which may have a key.
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "parsing") {
			return client.Options{}, options.Misuse("the configuration of Temporal: %v", err)
		}
		return client.Options{}, options.Misuse("the configuration file of Temporal is not valid TOML: TEMPORAL_CONFIG_FILE names it")
	}
	o := &c.own
	prof.Address = cmp.Or(o.address, prof.Address, client.DefaultHostPort)
	prof.Namespace = cmp.Or(o.namespace, prof.Namespace, client.DefaultNamespace)
	if o.apiKeyFile != "" {
		data, err := os.ReadFile(o.apiKeyFile)
		if err != nil {
			return client.Options{}, options.Misuse("--api-key-file: %v", err)
		}
		if prof.APIKey = strings.TrimSpace(string(data)); prof.APIKey == "" || strings.ContainsAny(prof.APIKey, "\r\n") {
			return client.Options{}, options.Misuse("--api-key-file %q must have one line with the key", o.apiKeyFile)
		}
	}
	if o.tls || o.tlsCA != "" || o.tlsCert != "" || o.tlsKey != "" || o.tlsName != "" {
		if prof.TLS == nil {
			prof.TLS = &envconfig.ClientConfigTLS{}
		}
		t := prof.TLS
		t.Disabled = false
		if o.tlsCA != "" {
			t.ServerCACertPath, t.ServerCACertData = o.tlsCA, nil
		}
		if o.tlsCert != "" || o.tlsKey != "" {
			t.ClientCertPath, t.ClientCertData, t.ClientKeyPath, t.ClientKeyData = o.tlsCert, nil, o.tlsKey, nil
		}
		t.ServerName = cmp.Or(o.tlsName, t.ServerName)
	}
	opts, err := prof.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, options.Misuse("TLS to the Temporal server: %v", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	opts.Logger = flow.Logger(log)
	return opts, nil
}

// reach connects to the engine. The caller closes the client.
func (c *command) reach(ctx context.Context, opts client.Options) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, reachIn)
	defer cancel()
	engine, err := client.DialContext(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("the Temporal server at %q, namespace %q, cannot be reached: %w: --address and --namespace, or TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, name it",
			opts.HostPort, opts.Namespace, err)
	}
	return engine, nil
}

// withEngine calls a function with a client of the engine.
func (c *command) withEngine(ctx context.Context, use func(ctx context.Context, engine client.Client) error) error {
	opts, err := c.clientOptions(nil)
	if err != nil {
		return err
	}
	engine, err := c.reach(ctx, opts)
	if err != nil {
		return err
	}
	defer engine.Close()
	return use(ctx, engine)
}
