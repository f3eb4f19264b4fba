# An OCI image with the program and nothing else: no shell, no package manager. Data is kept in the volume /data.
{
  lib,
  dockerTools,
  cacert,
  kinitro,
}:
dockerTools.buildLayeredImage {
  name = "kinitro";
  tag = kinitro.version;
  contents = [ cacert ];
  # A fixed time, so that equal inputs make equal images.
  created = "1970-01-01T00:00:01Z";
  mtime = "1970-01-01T00:00:01Z";
  fakeRootCommands = ''
    mkdir -m 0700 data
    chown 1000:1000 data
    mkdir -m 1777 tmp
  '';
  config = {
    Entrypoint = [ (lib.getExe kinitro) ];
    # Within the container's own network; `docker run -p 127.0.0.1:8000:8000` lets the machine in.
    Cmd = [
      "daemon"
      "--listen"
      "0.0.0.0:8000"
    ];
    User = "1000:1000";
    Env = [
      "KINITRO_DATA_DIR=/data"
      "SSL_CERT_FILE=${cacert}/etc/ssl/certs/ca-bundle.crt"
    ];
    ExposedPorts."8000/tcp" = { };
    Volumes."/data" = { };
    WorkingDir = "/data";
  };
}
