# Server-Sent Events through Varnish. Save this as /etc/varnish/default.vcl, then: systemctl reload varnish
# If you have a VCL, copy the commented line into its vcl_recv, before everything else.
vcl 4.1;

backend app {
    .host = "127.0.0.1";
    .port = "3001";
}

sub vcl_recv {
    # Connects the client with your server and steps aside. Without it, a stream without Cache-Control is shared between
    # clients and replayed to later ones, and your server does not notice that a client left or reads too slowly.
    # A stream that is silent for 60 seconds is cut: send heartbeats, or start varnishd with a longer -p pipe_timeout.
    if (req.url ~ "^/events") { return (pipe); }
}
