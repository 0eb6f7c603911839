"""What is in an image: packages, secrets, misconfiguration and vulnerabilities, by Trivy."""
