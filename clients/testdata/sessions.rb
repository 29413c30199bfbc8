# Uploads and downloads several times over TLS 1.2 with OpenSSL, offering a session
# to each data connection in one of the ways that programs do.
#
# Arguments: host, port, user, password, CA file, remote file, which session
# (control: that of the control connection; last: that of the last data connection;
# callback: the latest that OpenSSL announced), cache mode of the context. Prints a
# line per transfer: verb, whether the session was resumed, code.
require "openssl"
require "socket"

host, port, user, password, ca, remote, which, mode = ARGV

CACHES = {
  "off" => OpenSSL::SSL::SSLContext::SESSION_CACHE_OFF,
  "client" => OpenSSL::SSL::SSLContext::SESSION_CACHE_CLIENT,
  "client, not stored" => OpenSSL::SSL::SSLContext::SESSION_CACHE_CLIENT | OpenSSL::SSL::SSLContext::SESSION_CACHE_NO_INTERNAL_STORE,
}

context = OpenSSL::SSL::SSLContext.new
context.set_params(ca_file: ca, max_version: OpenSSL::SSL::TLS1_2_VERSION, verify_hostname: false)
context.session_cache_mode = CACHES.fetch(mode)
latest = nil
context.session_new_cb = proc { |_, session| latest = session }

raw = TCPSocket.new(host, port)
raw.gets
raw.write("AUTH TLS\r\n")
raw.gets
control = OpenSSL::SSL::SSLSocket.new(raw, context).tap(&:connect)
reply = -> { loop { line = control.gets or raise "closed"; break line if line =~ /\A\d{3} / } }
say = ->(line) { control.write(line + "\r\n"); reply.call }
["USER #{user}", "PASS #{password}", "PBSZ 0", "PROT P", "TYPE I"].each { |line| say.call(line) }

offered = control.session
4.times do
  %w[STOR RETR].each do |verb|
    data = TCPSocket.new(host, say.call("EPSV")[/\|\|\|(\d+)/, 1])
    say.call("#{verb} #{remote}")
    secure = OpenSSL::SSL::SSLSocket.new(data, context)
    secure.session = which == "callback" && latest || offered
    secure.connect
    verb == "STOR" ? secure.write("content") : secure.read
    offered = secure.session if which == "last"
    resumed = secure.session_reused?
    secure.close
    puts "#{verb} #{resumed} #{reply.call[0, 3]}"
  end
end
say.call("QUIT")
