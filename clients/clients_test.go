//go:build unix

package clients_test

// allClients is the matrix's rows.
func allClients() []*client {
	return []*client{
		curlClient(), lftpClient(), tnftpClient(), inetutilsClient(), ncftpClient(), wgetClient(),
		pythonClient(), nodeClient(), javaClient(), goClient(), rcloneClient(),
		phpClient(), phpStreamsClient(), wordpressClient(), rubyClient(), perlClient(), pyfilesystemClient(), monoClient(),
		ffmpegClient(),
	}
}
