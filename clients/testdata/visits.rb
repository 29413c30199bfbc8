# Runs visits for the matrix with Net::FTP: one line in, one line out. The fields
# are those of visits.py.
require "net/ftp"

FIELDS = %w[op mode family tls type host port user password ca up down remote]

def options(f)
  o = { port: f["port"].to_i, passive: %w[PASV EPSV].include?(f["mode"]), open_timeout: 20, read_timeout: 20 }
  return o if f["tls"] == "plain"
  ssl = { ca_file: f["ca"] }
  ssl[:max_version] = OpenSSL::SSL::TLS1_2_VERSION if f["tls"] == "TLS 1.2"
  ssl[:min_version] = OpenSSL::SSL::TLS1_3_VERSION if f["tls"] == "TLS 1.3"
  o[:implicit_ftps] = true if f["tls"] == "implicit" # from Ruby 3.3 on
  o.merge(ssl: ssl)
end

def session(f)
  Net::FTP.open(f["host"], options(f)) do |ftp|
    ftp.login(f["user"], f["password"])
    ftp.chdir(f["remote"])
    yield ftp
  end
end

# Asks for what is refused, and goes on with what is not; returns what was said.
def refusals(f)
  session(f) do |ftp|
    [
      -> { ftp.getbinaryfile("nope", "#{f["down"]}/nope") },
      -> { ftp.list("nope") },
      -> { ftp.putbinaryfile("#{f["up"]}/small.bin", "nope/small.bin") },
      -> { ftp.putbinaryfile("#{f["up"]}/big.bin", "big.bin") },
    ].map do |attempt|
      said = begin
        attempt.call
        "not refused"
      rescue Net::FTPPermError => e
        e.message.chomp
      end
      ftp.getbinaryfile("there.bin", "#{f["down"]}/there.bin")
      said
    end
  end
end

def visit(f)
  session(f) do |ftp|
    text = f["type"] == "A"
    f["names"].each { |name| ftp.public_send(text ? :puttextfile : :putbinaryfile, "#{f["up"]}/#{name}", name) }
    names = ftp.nlst
    f["names"].each { |name| ftp.public_send(text ? :gettextfile : :getbinaryfile, name, "#{f["down"]}/#{name}") }
    ftp.quit
    names
  end
end

STDOUT.sync = true
STDIN.each_line(chomp: true) do |line|
  words = line.split("\t", -1)
  f = FIELDS.zip(words).to_h
  f["names"] = words.drop(FIELDS.size)
  begin
    answer = ["ok", *(f["op"] == "refusals" ? refusals(f) : visit(f))]
  rescue StandardError => e
    answer = ["error", e.full_message(highlight: false).tr("\t", " ").gsub("\n", "\v")]
  end
  puts answer.join("\t")
end
