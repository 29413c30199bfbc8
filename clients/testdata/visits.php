<?php
// Runs visits for the matrix with PHP's ftp extension: one line in, one line out.
// The fields are those of visits.py.
declare(strict_types=1);

const FIELDS = ["op", "mode", "family", "tls", "type", "host", "port", "user", "password", "ca", "up", "down", "remote"];

set_error_handler(function (int $level, string $text) {
    throw new Exception($text);
});

/** must is for what returns false and may not warn. */
function must(mixed $result, string $what): mixed
{
    if ($result === false) {
        throw new Exception("$what failed");
    }
    return $result;
}

function login(array $f): FTP\Connection
{
    $connect = $f["tls"] === "plain" ? "ftp_connect" : "ftp_ssl_connect";
    $ftp = must($connect($f["host"], (int) $f["port"], 20), $connect);
    must(ftp_login($ftp, $f["user"], $f["password"]), "ftp_login");
    must(ftp_pasv($ftp, in_array($f["mode"], ["PASV", "EPSV"])), "ftp_pasv");
    return $ftp;
}

function visit(array $f): array
{
    $ftp = login($f);
    $type = $f["type"] === "A" ? FTP_ASCII : FTP_BINARY;
    must(ftp_chdir($ftp, $f["remote"]), "ftp_chdir");
    foreach ($f["names"] as $name) {
        must(ftp_put($ftp, $name, "{$f["up"]}/$name", $type), "ftp_put");
    }
    $names = must(ftp_nlist($ftp, "."), "ftp_nlist");
    foreach ($f["names"] as $name) {
        must(ftp_get($ftp, "{$f["down"]}/$name", $name, $type), "ftp_get");
    }
    ftp_close($ftp);
    return array_map("basename", $names);
}

while (($line = fgets(STDIN)) !== false) {
    $words = explode("\t", rtrim($line, "\n"));
    $f = array_combine(FIELDS, array_slice($words, 0, count(FIELDS)));
    $f["names"] = array_slice($words, count(FIELDS));
    try {
        $answer = ["ok", ...visit($f)];
    } catch (Throwable $e) {
        $answer = ["error", str_replace(["\t", "\n"], [" ", "\v"], (string) $e)];
    }
    echo implode("\t", $answer), "\n";
}
