# Runs visits for the matrix with Net::FTP: one line in, one line out. The fields
# are those of visits.py.
use strict;
use warnings;
use Net::FTP;

my @fields = qw(op mode family tls type host port user password ca up down remote);

sub login {
    my ($f) = @_;
    my %options = (Port => $f->{port}, Passive => $f->{mode} =~ /PASV|EPSV/ ? 1 : 0, Timeout => 20);
    if ($f->{tls} ne "plain") {
        $options{SSL_ca_file} = $f->{ca};
        $options{SSL_version} = "TLSv1_2" if $f->{tls} eq "TLS 1.2";
        $options{SSL_version} = "TLSv1_3" if $f->{tls} eq "TLS 1.3";
        $options{SSL} = 1 if $f->{tls} eq "implicit";
    }
    my $ftp = Net::FTP->new($f->{host}, %options) or die "no connection: $@\n";
    if ($f->{tls} =~ /^TLS/) {
        $ftp->starttls or die "starttls: " . $ftp->message;
    }
    $ftp->login($f->{user}, $f->{password}) or die "login: " . $ftp->message;
    return $ftp;
}

sub enter {
    my ($f) = @_;
    my $ftp = login($f);
    $ftp->cwd($f->{remote}) or die "cwd: " . $ftp->message;
    return $ftp;
}

# Asks for what is refused, and goes on with what is not; returns what was said.
sub refusals {
    my ($f) = @_;
    my $ftp = enter($f);
    $ftp->binary;
    my @said;
    for my $attempt (
        sub { $ftp->get("nope", "$f->{down}/nope") },
        sub { $ftp->ls("nope") },
        sub { $ftp->put("$f->{up}/small.bin", "nope/small.bin") },
        sub { $ftp->put("$f->{up}/big.bin", "big.bin") },
    ) {
        my $done = $attempt->();
        chomp(my $message = $ftp->message);
        push @said, $done ? "not refused" : $ftp->code . " " . $message;
        $ftp->get("there.bin", "$f->{down}/there.bin") or die "get: " . $ftp->message;
    }
    return @said;
}

sub visit {
    my ($f) = @_;
    my $ftp = enter($f);
    $f->{type} eq "A" ? $ftp->ascii : $ftp->binary;
    for my $name (@{$f->{names}}) {
        $ftp->put("$f->{up}/$name", $name) or die "put: " . $ftp->message;
    }
    my $names = $ftp->ls or die "ls: " . $ftp->message;
    for my $name (@{$f->{names}}) {
        $ftp->get($name, "$f->{down}/$name") or die "get: " . $ftp->message;
    }
    $ftp->quit;
    return @$names;
}

$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my @words = split /\t/, $line, -1;
    my %f;
    @f{@fields} = splice @words, 0, scalar @fields;
    $f{names} = \@words;
    my @answer = eval { ("ok", $f{op} eq "refusals" ? refusals(\%f) : visit(\%f)) };
    if ($@) {
        (my $text = $@) =~ tr/\t\n/ \x0b/;
        @answer = ("error", $text);
    }
    print join("\t", @answer), "\n";
}
