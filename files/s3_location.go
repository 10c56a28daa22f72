package files

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"stemma/entity"
)

// bucket is where an s3:// location leads.
type bucket struct {
	host, name, prefix, region string
	secure                     bool
	user                       *url.Userinfo // nil: the environment has the key
}

// parseS3 reads a location as [Open] describes it. No error repeats the
// location, which may hold a key.
func parseS3(location string) (bucket, error) {
	const op = "files.Open"
	const form = "s3://KEY:SECRET@host:port/bucket?prefix=blobs/&region=eu-1&secure=false"
	u, err := url.Parse(location)
	if err != nil {
		return bucket{}, entity.Invalid(op, "the location of the bucket is not a URL like %s; a slash in the secret is written %%2F", form)
	}
	b := bucket{host: u.Host, name: strings.Trim(u.Path, "/"), secure: true, user: u.User}
	if b.host == "" || b.name == "" || strings.Contains(b.name, "/") {
		return bucket{}, entity.Invalid(op, "the location of a bucket has a host and one name, like %s", form)
	}
	if _, both := u.User.Password(); u.User != nil && (u.User.Username() == "" || !both) {
		return bucket{}, entity.Invalid(op, "the location of a bucket has a key and its secret, or neither, like %s", form)
	}
	for key, values := range u.Query() {
		switch value := values[len(values)-1]; key {
		case "prefix":
			b.prefix = value
		case "region":
			b.region = value
		case "secure":
			if b.secure, err = strconv.ParseBool(value); err != nil {
				return bucket{}, entity.Invalid(op, "secure is true or false, not %q", value)
			}
		default:
			return bucket{}, entity.Invalid(op, "%q is no setting of a bucket; there are prefix, region and secure", key)
		}
	}
	if strings.HasPrefix(b.prefix, "/") {
		return bucket{}, entity.Invalid(op, "a prefix does not begin with a slash, as in %s", form)
	}
	return b, nil
}

// credentials are the key of the location, or else what the environment, a
// profile or the machine's role gives, in this order.
func (b bucket) credentials() *credentials.Credentials {
	if b.user != nil {
		secret, _ := b.user.Password()
		return credentials.NewStaticV4(b.user.Username(), secret, "")
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
}
