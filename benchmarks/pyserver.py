"""pyftpdlib for the benchmarks: port, root, passive ports, certificate, key."""
import logging
import sys
import warnings

warnings.simplefilter("ignore")
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

port, root, ports, cert, key = sys.argv[1:6]
logging.basicConfig(level="ERROR")
handler = FTPHandler
if cert:
    handler = TLS_FTPHandler
    handler.certfile, handler.keyfile = cert, key
handler.authorizer = DummyAuthorizer()
handler.authorizer.add_user("auser", "secret", root, perm="elradfmwMT")
handler.timeout = 3600
low, high = map(int, ports.split("-"))
handler.passive_ports = range(low, high + 1)
server = FTPServer(("127.0.0.1", int(port)), handler, backlog=4096)
server.max_cons = server.max_cons_per_ip = 0
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
