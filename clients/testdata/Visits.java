import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPClient;
import org.apache.commons.net.ftp.FTPFile;
import org.apache.commons.net.ftp.FTPReply;
import org.apache.commons.net.ftp.FTPSClient;

/** Runs visits for the matrix with commons-net; the fields are those of visits.py. */
public class Visits {
    record Visit(String op, String mode, String family, String tls, String type, String host, int port,
                 String user, String password, String ca, String up, String down, String remote, List<String> names) {
        static Visit of(String line) {
            String[] w = line.split("\t", -1);
            return new Visit(w[0], w[1], w[2], w[3], w[4], w[5], Integer.parseInt(w[6]), w[7], w[8], w[9], w[10], w[11],
                w[12], Arrays.asList(w).subList(13, w.length));
        }
    }

    static SSLContext trusting(Visit v) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = new FileInputStream(v.ca)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    static FTPClient client(Visit v) throws Exception {
        if (v.tls.equals("plain")) {
            return new FTPClient();
        }
        FTPSClient client = new FTPSClient(v.tls.equals("implicit"), trusting(v));
        // The class trusts by a manager of its own unless told otherwise.
        client.setTrustManager(null);
        if (v.tls.startsWith("TLS")) {
            client.setEnabledProtocols(new String[] {v.tls.replace("TLS ", "TLSv")});
        }
        return client;
    }

    static void check(FTPClient client, boolean ok) throws IOException {
        if (!ok) {
            throw new IOException(client.getReplyString().trim());
        }
    }

    static void login(FTPClient client, Visit v) throws IOException {
        client.setControlEncoding("UTF-8");
        client.setUseEPSVwithIPv4(v.mode.equals("EPSV") || v.mode.equals("EPRT"));
        client.setConnectTimeout(20000);
        client.setDefaultTimeout(20000);
        client.setDataTimeout(20000);
        client.connect(v.host, v.port);
        check(client, FTPReply.isPositiveCompletion(client.getReplyCode()));
        check(client, client.login(v.user, v.password));
        if (client instanceof FTPSClient) {
            ((FTPSClient) client).execPBSZ(0);
            ((FTPSClient) client).execPROT("P");
        }
        if (v.mode.equals("PASV") || v.mode.equals("EPSV")) {
            client.enterLocalPassiveMode();
        }
        check(client, client.setFileType(v.type.equals("A") ? FTP.ASCII_FILE_TYPE : FTP.BINARY_FILE_TYPE));
    }

    static List<String> visit(Visit v) throws Exception {
        FTPClient client = client(v);
        try {
            login(client, v);
            check(client, client.changeWorkingDirectory(v.remote));
            for (String name : v.names) {
                try (InputStream in = new FileInputStream(v.up + "/" + name)) {
                    check(client, client.storeFile(name, in));
                }
            }
            List<String> names = new ArrayList<>();
            for (FTPFile file : client.listFiles()) {
                names.add(file.getName());
            }
            for (String name : v.names) {
                try (OutputStream out = new FileOutputStream(v.down + "/" + name)) {
                    check(client, client.retrieveFile(name, out));
                }
            }
            check(client, client.logout());
            return names;
        } finally {
            if (client.isConnected()) {
                client.disconnect();
            }
        }
    }

    interface Attempt {
        boolean done() throws IOException;
    }

    static void get(FTPClient client, Visit v, String name) throws IOException {
        try (OutputStream out = new FileOutputStream(v.down + "/" + name)) {
            check(client, client.retrieveFile(name, out));
        }
    }

    static boolean put(FTPClient client, Visit v, String name, String remote) throws IOException {
        try (InputStream in = new FileInputStream(v.up + "/" + name)) {
            return client.storeFile(remote, in);
        }
    }

    /** Asks for what is refused, and goes on in the same session with what is not. */
    static List<String> refusals(Visit v) throws Exception {
        FTPClient client = client(v);
        List<Attempt> attempts = List.of(
            () -> client.retrieveFile("nope", OutputStream.nullOutputStream()),
            () -> client.listNames("nope") != null,
            () -> put(client, v, "small.bin", "nope/small.bin"),
            () -> put(client, v, "big.bin", "big.bin"));
        try {
            login(client, v);
            check(client, client.changeWorkingDirectory(v.remote));
            List<String> said = new ArrayList<>();
            for (Attempt attempt : attempts) {
                said.add(attempt.done() ? "not refused" : client.getReplyString().trim());
                get(client, v, "there.bin");
            }
            check(client, client.logout());
            return said;
        } finally {
            if (client.isConnected()) {
                client.disconnect();
            }
        }
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                Visit v = Visit.of(line);
                List<String> names = v.op.equals("refusals") ? refusals(v) : visit(v);
                out.print(names.isEmpty() ? "ok\n" : "ok\t" + String.join("\t", names) + "\n");
            } catch (Exception e) {
                StringWriter text = new StringWriter();
                e.printStackTrace(new PrintWriter(text));
                out.print("error\t" + text.toString().replace("\t", " ").replace("\n", "\u000b") + "\n");
            }
            out.flush();
        }
    }
}
