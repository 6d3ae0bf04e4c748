package doctor

import (
	"cmp"
	"path"
	"strings"

	"s3sync"
	"s3sync/internal/location"
	"s3sync/storage/bucket"
)

// A Policy is an IAM policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type Policy struct {
	Version   string
	Statement []Statement
}

// A Statement allows actions.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// Policies are what the credentials of each side must be allowed to do. A side that needs
// no policy has nil: it is a directory, or its requests are not signed. If both sides have
// the same credentials, both are the same Policy.
type Policies struct {
	Source, Target *Policy `json:",omitempty"`
}

// Document returns what is to be written as JSON: the one policy that there is, or both
// under their names.
func (p Policies) Document() any {
	switch {
	case p.Source == nil:
		return p.Target
	case p.Target == nil, p.Source == p.Target:
		return p.Source
	}
	return p
}

// PoliciesOf returns the least that the credentials of a valid Config must be allowed. It
// makes no request and reads no file.
//
// Keys of KMS do not appear in it: they are secret settings, and those of a source are not
// known. Their statement allows what S3 asks of any key.
func PoliciesOf(cfg *s3sync.Config) (Policies, error) {
	p, err := planOf(cfg)
	if err != nil {
		return Policies{}, err
	}
	source := statements("Source", p.source, cfg.Source.Region, p.ofSource())
	source = append(source, ofInventory("Source", &cfg.Source)...)
	target := statements("Target", p.target, cfg.Target.Region, p.ofTarget())
	target = append(target, ofInventory("Target", &cfg.Target)...)
	target = append(target, statements("Trash", p.trash, cfg.Target.Region, p.ofTrash())...)
	if cfg.AWS.AnonymousSource {
		source = nil
	}
	switch {
	case p.sameCredentials():
		both := policy(append(source, target...))
		return Policies{both, both}, nil
	case cfg.ServerSideCopy && p.writes():
		// The target's server reads the source, with the credentials of the target.
		// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
		read := needs{}
		read.add(true, getObject)
		read.add(p.versions(), getVersion)
		target = append(target, statements("Copied", p.source, cfg.Source.Region, read)...)
	}
	return Policies{policy(source), policy(target)}, nil
}

// ofInventory returns what the inventory of a side needs, whose manifest is two folders below
// those of its other files: FOLDER/2026-01-31T01-00Z/manifest.json, FOLDER/data/.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
func ofInventory(side string, e *s3sync.Endpoint) []Statement {
	l, err := location.Parse(e.Inventory)
	if err != nil || l.Local() {
		return nil // a side without one
	}
	l.Prefix = path.Dir(path.Dir(l.Prefix)) + "/"
	if l.Prefix == "./" {
		l.Prefix = ""
	}
	return statements(side+"Inventory", l, e.Region, needs{getObject: true})
}

// sameCredentials reports whether both sides are buckets that the same credentials sign
// requests to.
func (p plan) sameCredentials() bool {
	s, t := &p.Source, &p.Target
	return !p.source.Local() && !p.target.Local() && !p.AWS.AnonymousSource && s.Credentials == nil && t.Credentials == nil &&
		s.Profile == t.Profile && s.AccessKey == t.AccessKey && bucket.ServerOf(s.EndpointURL) == bucket.ServerOf(t.EndpointURL)
}

func policy(statements []Statement) *Policy {
	if len(statements) == 0 {
		return nil
	}
	return &Policy{Version: "2012-10-17", Statement: statements}
}

// statements returns what a side needs. Listings are allowed below its prefix, and single
// objects there, too.
func statements(side string, l location.Location, region string, n needs) []Statement {
	partition := bucket.PartitionOf(l.Bucket, region)
	name := "arn:" + partition + ":s3:::" + l.Bucket
	objects := name + "/"
	if bucket.IsAccessPoint(l.Bucket) {
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
		name, objects = l.Bucket, l.Bucket+"/object/"
	}
	below := literal(l.Prefix) + "*"
	var all []Statement
	allow := func(sid string, actions []string, resource string, condition map[string]map[string][]string) {
		if len(actions) > 0 {
			all = append(all, Statement{side + sid, "Allow", actions, []string{resource}, condition})
		}
	}
	var lists, others []string
	for _, a := range n.sorted(actionOfBuckets) {
		if a == getVersioning || a == listUploads { // they have no condition about a prefix
			others = append(others, a)
		} else {
			lists = append(lists, a)
		}
	}
	var ofPrefix map[string]map[string][]string
	if l.Prefix != "" {
		ofPrefix = like("s3:prefix", below)
	}
	allow("Listing", lists, name, ofPrefix)
	allow("Bucket", others, name, nil)
	allow("Objects", n.sorted(actionOfObjects), objects+below, nil)
	allow("Session", n.sorted(actionOfSessions), "arn:"+partition+":s3express:"+cmp.Or(region, "*")+":*:bucket/"+l.Bucket, nil)
	domain := ".amazonaws.com"
	if partition == "aws-cn" {
		domain += ".cn"
	}
	allow("Key", n.sorted(actionOfKeys), "*", like("kms:ViaService", "s3*"+domain))
	return all
}

func like(key, pattern string) map[string]map[string][]string {
	return map[string]map[string][]string{"StringLike": {key: {pattern}}}
}

// literal returns a text in the form in which a policy takes it for itself. In a policy,
// '*' and '?' stand for other texts, and "${" begins a variable.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars
func literal(text string) string {
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(text)
}
